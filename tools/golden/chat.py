"""What jinja2 makes of templates, as transformers sets it up: python chat.py OUT.json

Templates of models' kinds, written anew in their published structure, each with conversations; and snippets, one for every
filter, test, method and rule of white space that package jinja has. Jinja2 renders them through transformers'
apply_chat_template machinery; an error is kept as null (its words differ) and, of raise_exception, as its message.
"""
import json
import sys

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

CHATML = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
You are a helpful assistant.<|im_end|>
' }}{% endif %}{{'<|im_start|>' + message['role'] + '
' + message['content'] + '<|im_end|>' + '
'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""

IDEFICS = """<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>
{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"""

LLAVA = """{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"""

LLAMA2 = """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""

LLAMA3 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- set date_string = "26 Jul 2024" %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- the system message comes apart, so that it can be put in the right place #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}

{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if builtin_tools is defined or tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{%- if builtin_tools is defined %}
    {{- "Tools: " + builtin_tools | reject('equalto', 'code_interpreter') | join(", ") + "\\n\\n"}}
{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- if tools is not none and not tools_in_user_message %}
    {{- "You have access to the following functions.\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}

{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first_user_message = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("Cannot put tools in the first user message when there's no first user message!") }}
{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {{- "Given the following functions, please respond with a JSON for a function call.\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}

{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("This model only supports single tool-calls at once!") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {%- if builtin_tools is defined and tool_call.name in builtin_tools %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
            {{- "<|python_tag|>" + tool_call.name + ".call(" }}
            {%- for arg_name, arg_val in tool_call.arguments | items %}
                {{- arg_name + '="' + arg_val + '"' }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- endif %}
                {%- endfor %}
            {{- ")" }}
        {%- else  %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
            {{- '{"name": "' + tool_call.name + '", ' }}
            {{- '"parameters": ' }}
            {{- tool_call.arguments | tojson }}
            {{- "}" }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

QWEN = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] }}
    {%- else %}
        {{- 'You are a helpful assistant.' }}
    {%- endif %}
    {{- "\\n\\n# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\nreturn a json object within <tool_call></tool_call> tags:\\n<tool_call>\\n{\\"name\\": <function-name>, \\"arguments\\": <args-json-object>}\\n</tool_call><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0]['role'] == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' }}
        {%- if message.role == "assistant" and '</think>' in message.content %}
            {{- message.content.split('</think>')[-1].lstrip('\\n') }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}
                {%- set tool_call = tool_call.function %}
            {%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- message.content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
{{- "last " ~ ns.last_query_index }}
"""

MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" and message.tool_calls is not defined %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message.tool_calls is defined %}
        {{- raise_exception("Only user and assistant roles are supported, with the exception of an initial optional system message!") }}
    {%- endif %}
{%- endfor %}
"""

GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '
' + message['content'] | trim + '<end_of_turn>
' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model
'}}{% endif %}"""

MACROS = """{%- macro render(content) -%}
  {%- if content is string -%}{{ content }}
  {%- elif content is iterable and content is not mapping -%}
    {%- for part in content -%}
      {%- if part.type == 'text' %}{{ part.text }}{% else %}<|{{ part.type | upper }}|>{% endif -%}
    {%- endfor -%}
  {%- else -%}?{%- endif -%}
{%- endmacro -%}
{%- macro line(role, content='', mark="|") %}{{ mark }}{{ role | title }}{{ mark }} {{ render(content) }}
{% endmacro -%}
{%- for message in messages %}{{ line(message.role, content=message.content) }}{% endfor -%}
{{- line('end', mark='-') }}"""

CALL = [{"type": "function", "function": {"name": "weather", "arguments": {"city": "Zürich", "days": 2}}}]
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather of a city.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "its name, <b>"}, "days": {"type": "integer"}}, "required": ["city"]}}}]


def parts(*all):
    return [{"type": "image"} if p is None else {"type": "text", "text": p} for p in all]


TALKS = {
    "one": [{"role": "user", "content": "Hi, what's 1 < 2 & \"so\"?"}],
    "system": [{"role": "system", "content": " Be brief.\n"}, {"role": "user", "content": "  Hello  "}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nHi. "}, {"role": "user", "content": "Grüße 🎉"}],
    "wrong": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "tools": [{"role": "user", "content": "Rain?"}, {"role": "assistant", "content": "", "tool_calls": CALL}, {"role": "tool", "content": "dry"}, {"role": "assistant", "content": "No."}],
    "pictures": [{"role": "user", "content": parts(None, "What is it?")}, {"role": "assistant", "content": parts("A cat.")}, {"role": "user", "content": parts("And ", None, None, "these?")}],
}
TEMPLATES = {
    "chatml": (CHATML, ["one", "system", "wrong"]), "idefics": (IDEFICS, ["pictures"]), "llava": (LLAVA, ["pictures"]), "llama2": (LLAMA2, ["one", "system", "wrong"]),
    "llama3": (LLAMA3, ["one", "system", "tools"]), "qwen": (QWEN, ["one", "system", "tools"]), "mistral": (MISTRAL, ["one", "system", "tools"]),
    "gemma": (GEMMA, ["one", "system", "wrong"]), "macros": (MACROS, ["one", "pictures"]),
}

# Snippets see these.
X = {"s": "Hello wOrld  ", "n": 7, "f": 2.5, "neg": -7, "none": None, "yes": True, "xs": [3, 1, 2], "words": ["b", "A", "c", "a"], "d": {"b": 1, "a": [1, "x"], "items": "key"},
     "rows": [{"k": "x", "v": 2, "in": {"deep": 1}}, {"k": "y", "v": 1}, {"k": "x", "v": 3}], "u": "ß’ „é“ 🎉\n\t\\'", "html": "<a href='x'>&\"</a>", "lines": "a\nb\n\nc"}

SNIPPETS = """{{ s }}|{{ n }}|{{ f }}|{{ none }}|{{ yes }}|{{ xs }}|{{ d }}|{{ rows[0] }}|{{ u }}|{{ [u] }}|{{ ('a',) }}|{{ (1, 2.0, 1e20, 1e-7, 100000000000000000.0) }}
{{ n + 1 }} {{ n - 10 }} {{ n * 2 }} {{ n / 2 }} {{ n // 2 }} {{ neg // 2 }} {{ neg % 3 }} {{ n % -3 }} {{ 2 ** 10 }} {{ f * 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 1 ~ 'a' ~ none }} {{ - n }} {{ +n }} {{ -n ** 2 }}
{{ 1 + 2 * 3 - 4 / 2 }} {{ 'a' 'b' }} {{ 'a' * 3 }} {{ [1] * 2 + [2] }} {{ not n == 7 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }}
{{ 'a' in 'cat' }} {{ 1 in xs }} {{ 9 not in xs }} {{ 'b' in d }} {{ none or 'x' }} {{ 0 and 1 }} {{ '' or 0 or [] or 'z' }} {{ 1 if n > 3 else 2 }} {{ 'q' if false }}|{{ (1 if false else 2) if true else 3 }}
{{ xs[0] }} {{ xs[-1] }} {{ xs[1:] }} {{ xs[:-1] }} {{ xs[::-1] }} {{ s[1:4] }} {{ s[::-2] }} {{ s[-3:] }} {{ xs[5:] }} {{ xs[9] }}|{{ u[0] }}{{ u[:3] }} {{ d.b }} {{ d['a'][1] }} {{ d.nothing }}|{{ rows.0.k }} {{ d['items'] }} {{ xs[::2] }} {{ xs[-2:0:-1] }}
{{ nothing }}|{{ nothing is defined }} {{ n is defined }} {{ nothing | default('d') }} {{ '' | default('e', true) }} {{ none | d('x') }} {{ none | d('x', boolean=true) }} {{ nothing | length }} {{ nothing == nothing }}
{{ s | upper }}|{{ s | lower }}|{{ s | title }}|{{ s | capitalize }}|{{ s | trim }}|{{ 'xxaxx' | trim('x') }}|{{ s | length }}|{{ xs | count }}|{{ s | replace('l', 'L') }}|{{ s | replace('l', 'L', 1) }}|{{ s | reverse }}|{{ xs | reverse | list }}
{{ xs | sort }} {{ words | sort }} {{ words | sort(case_sensitive=true) }} {{ xs | sort(reverse=true) }} {{ rows | sort(attribute='v') | map(attribute='v') | list }} {{ words | unique | list }} {{ xs | sum }} {{ rows | sum(attribute='v') }} {{ xs | max }} {{ xs | min }} {{ words | max }}
{{ xs | join }} {{ xs | join('-') }} {{ rows | join(', ', attribute='k') }} {{ xs | first }} {{ xs | last }} {{ [] | first }}|{{ 'abc' | list }} {{ d | list }} {{ d | dictsort }} {{ d | items | list }} {{ {'b': 2, 'A': 1} | dictsort }} {{ {'x': 2, 'y': 1} | dictsort(by='value') }}
{{ rows | map(attribute='k') | list }} {{ rows | map(attribute='in.deep', default=0) | list }} {{ words | map('upper') | join(' ') }} {{ rows | selectattr('k', 'equalto', 'x') | map(attribute='v') | list }} {{ rows | rejectattr('k', 'eq', 'x') | list | length }} {{ xs | select('gt', 1) | list }} {{ xs | reject('odd') | list }} {{ [0, 1, '', 'a'] | select | list }} {{ rows | selectattr('in') | list | length }} {{ rows | selectattr('in', 'defined') | list | length }}
{{ xs | batch(2) | list }} {{ xs | batch(2, 0) | list }} {{ n | float }} {{ '3.7' | float }} {{ 'x' | float }} {{ '42' | int }} {{ '4.7' | int }} {{ 'x' | int(9) }} {{ '1f' | int(0, 16) }} {{ f | int }} {{ neg | abs }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 2.1 | round(method='ceil') }} {{ 2 | round }}
{{ html | e }} {{ html | escape }} {{ html | safe }} {{ n | string ~ '!' }} {{ '%s-%d-%.2f' | format('a', 3, 2.345) }} {{ '%5d|%-5s|%05d' % (42, 'ab', 42) }} {{ '100%%' % () }} {{ 'a' | center(5) }}|{{ 'ab' | center(5) }}|{{ lines | indent }}|{{ lines | indent(2, true) }}|{{ lines | indent('> ', blank=true) }}
{{ d | tojson }} {{ u | tojson }} {{ d | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ {} | tojson }} {{ xs | tojson(separators=(',', ':')) }} {{ {'b': 1, 'a': none, 'c': [true, 1.0, 1e100]} | tojson(sort_keys=true) }} {{ u | tojson(ensure_ascii=true) }} {{ html | tojson }} {{ {1: 2} | tojson }}
{{ 'hello big world' | truncate(9) }}|{{ 'hello big world' | truncate(9, true) }}|{{ 'hello big world' | truncate(9, leeway=10) }}|{{ 'hello big world' | wordcount }}
{{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is number }} {{ f is float }} {{ n is integer }} {{ yes is boolean }} {{ yes is integer }} {{ s is string }} {{ d is mapping }} {{ xs is sequence }} {{ xs is iterable }} {{ n is iterable }} {{ none is none }} {{ none is not none }} {{ yes is true }} {{ yes is false }} {{ 1 is true }} {{ 'a' is lower }} {{ 'A' is upper }} {{ n is sameas 7 }} {{ n is eq 7 }} {{ n is in [7] }} {{ n is gt(5) }} {{ range is callable }} {{ s is mapping }} {{ n is not odd }} {{ n is ge 7 }} {{ n is lessthan 9 }}
{{ s.strip() }}|{{ s.rstrip() }}|{{ s.lstrip('He') }}|{{ s.split() }}|{{ s.split('o') }}|{{ s.split('o', 1) }}|{{ s.rsplit('o', 1) }}|{{ ' a  b c ' .split(none, 1) }}|{{ lines.splitlines() }}|{{ s.startswith('He') }}|{{ s.endswith(('x', '  ')) }}|{{ s.find('o') }}|{{ s.find('zz') }}|{{ s.rfind('o') }}|{{ s.count('l') }}|{{ s.replace('o', '0', 1) }}|{{ '-'.join(words) }}|{{ s.upper() }}|{{ s.title() }}|{{ '12'.isdigit() }}|{{ 'ab1'.isalnum() }}|{{ 'ab1'.isalpha() }}|{{ ' '.isspace() }}|{{ 'Ab'.islower() }}|{{ 'xab'.removeprefix('x') }}|{{ 'abx'.removesuffix('x') }}|{{ '{} {0} {a}'.format if false else 'n' }}|{{ '{}-{}'.format(1, 'b') }}|{{ '{a}'.format(a=2) }}|{{ ' a b '.rsplit(none, 1) }}
{{ d.get('b') }} {{ d.get('z') }} {{ d.get('z', 5) }} {% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {{ d.keys() | list }} {{ d.values() | list }} {{ xs.index(1) }} {{ xs.count(3) }} {{ d.copy().b }}
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }},{% endfor %}
{% for x in xs if x > 1 %}{{ x }}/{{ loop.length }} {% else %}none{% endfor %}{% for x in [] %}x{% else %}empty{% endfor %}{% for x in xs %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% if loop.last %}!{% endif %}{% endfor %}{% for x in range(10) %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}
{% set a = 1 %}{% for x in xs %}{% set a = a + x %}{{ a }} {% endfor %}{{ a }} {% set ns = namespace(t=0) %}{% for x in xs %}{% set ns.t = ns.t + x %}{% endfor %}{{ ns.t }} {% if true %}{% set a = 5 %}{% endif %}{{ a }} {% set b, c = 1, 2 %}{{ b + c }} {% set t %}x{{ n }}{% endset %}{{ t | upper }} {% set t | upper %}low{% endset %}{{ t }}
{% for a, b in [(1, 2), [3, 4]] %}{{ a * b }} {% endfor %}{% for r in [1, [2, [3]]] recursive %}{% if r is sequence %}({{ loop(r) }}){% else %}{{ r }}@{{ loop.depth }}{% endif %}{% endfor %}{% for x in range(2) %}{% for y in range(2) %}{{ loop.index }}{{ x }}{{ y }} {% endfor %}{% endfor %}
{% macro m(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}in{{ n }}{% endcall %}{% macro v() %}<{{ caller(3) }}>{% endmacro %}{% call(q) v() %}{{ q + 1 }}{% endcall %}
{% filter upper %}abc{{ n }}{% endfilter %}{% with a = 1, b = n %}{{ a + b }}{% endwith %}{{ a }}|{% set j = joiner('; ') %}{% for x in xs %}{{ j() }}{{ x }}{% endfor %}|{{ dict(a=1).a }}|{{ range(3) | list }}{{ range(1, 4) | list }}{{ range(5, 0, -2) | list }}
{% raw %}{{ not }} {% this %}{% endraw %}|{# a comment #}|{#- b -#} x {# c #}|{{ '{{' }}|{{ "}}" }}|{{ {'a': {'b': 1}}['a']['b'] }}|{{ 'a\\nb\\t\\x41\\u00e9\\\\ \\' \\"' }}|{{ "it's" }}|{{ 1_000 }}|{{ 0x1f }}""".split("\n")

SPACES = [
    "a\n  {% if true %}\n  b\n  {% endif %}\n  c\n", "a {%- if true -%} b {%- endif -%} c", "  {% if true %}x{% endif %}  \n", "a\n{{ n }}\n\n{{ n }}\n", "{{- n -}}  x  {{ n -}}\n\n y",
    "  {%+ if true %}x{% endif %}", "{% if true +%}\nx{% endif %}", "x  {# c #}\n  {# d #}\n  y", "  {#- c -#}  y", "{% for x in xs %}\n    {{ x }}\n{% endfor %}\nend", "\n\n{% if true %}\n\n{% endif %}\n\n",
    "{% raw %}\n  {{ x }}\n{% endraw %}\n y", "a\r\nb\rc\n{% if true %}\r\nd{% endif %}", "{% if true %}\n{% if true %}\n  x\n  {% endif %}\n{% endif %}y", "a{{ n }}  {% if true %}b{% endif %}", "x\n\t {%- if true %} y{% endif %}", "  {{ n }}\n  {{- n }}", "{%- raw -%}  a  {%- endraw -%}  b",
    "\u00a0{%- if true %}x{% endif %}\u2003{%- if true %}y{% endif %}", "a\n\n", "", "{", "{ {", "a {b} %} }} #}", "{{ n\n+\n1 }}",
]

WRONG = ["{{ n", "{% if %}", "{% if n %}", "{% endif %}", "{{ 1 + }}", "{{ nothing.x }}", "{{ none.x.y }}", "{{ 1 + 'a' }}", "{{ n | nope }}", "{{ n is nope }}", "{% include 'x' %}", "{{ xs.append(1) }}", "{{ d.update({}) }}",
         "{{ nothing() }}", "{{ n() }}", "{% for a, b in [1] %}{% endfor %}", "{{ 1 // 0 }}", "{{ raise_exception('no ' + 'way') }}", "{{ '%d' % 'a' }}", "{{ xs | sort(attribute='a.b') + 1 }}", "{% set x.y = 1 %}", "{# c", "{{ 'a' }", "{{ ( }}", "{{ ) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{{ range(1000000) }}", "{{ nothing + 1 }}", "{{ [1,2] < 3 }}"]


def render(template, variables):
    try:
        return {"text": _compile_jinja_template(template).render(**variables)}
    except jinja2.exceptions.TemplateSyntaxError:
        return {"text": None}
    except jinja2.exceptions.TemplateError as e:
        raised = type(e) is jinja2.exceptions.TemplateError
        return {"text": None, "raised": str(e)} if raised else {"text": None}
    except Exception:
        return {"text": None}


def main():
    cases = []
    for name, (template, talks) in TEMPLATES.items():
        for talk in talks:
            for more in ({"add_generation_prompt": True, "tools": None}, {"add_generation_prompt": False, "tools": TOOLS}):
                v = {"messages": TALKS[talk], "documents": None, "bos_token": "<s>", "eos_token": "</s>", **more}
                cases.append({"name": f"{name}/{talk}/{'tools' if more['tools'] else 'plain'}", "template": template, "variables": v, **render(template, v)})
    for kind, list in (("snippet", SNIPPETS), ("spaces", SPACES), ("wrong", WRONG)):
        for i, s in enumerate(list):
            cases.append({"name": f"{kind}/{i}", "template": s, "variables": X, **render(s, X)})
            if (cases[-1]["text"] is None) != (kind == "wrong"):
                print("unexpected:", cases[-1]["name"], s)
    templates = sorted({c["template"] for c in cases})
    variables = []
    for c in cases:
        c["template"] = templates.index(c["template"])
        if c["variables"] not in variables:
            variables.append(c["variables"])
        c["variables"] = variables.index(c["variables"])
    with open(sys.argv[1], "w") as f:
        json.dump({"templates": templates, "variables": variables, "cases": cases}, f, ensure_ascii=False, indent=0)


if __name__ == "__main__":
    main()
