// What all parts of the page use: the server, elements, and how things are said.
// Whatever comes from a library is put in as text, never as markup.

export const $ = id => document.getElementById(id)

// allowed are the scopes of whoever looks at the page.
export const allowed = new Set()

export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message || `the server answered ${status}`)
    this.status = status
    this.param = error?.param
  }
}

export async function api(method, path, body, signal) {
  const response = await fetch(path, { method, signal, headers: body ? { 'Content-Type': 'application/json' } : {}, body: body && JSON.stringify(body) })
  if (response.status === 204) return null
  const answer = await response.json().catch(() => null)
  if (response.status === 401) askForKey()
  if (!response.ok) throw new Refusal(response.status, answer?.error)
  return answer
}

export function askForKey() {
  if (!$('login').open) $('login').showModal()
}

export const library = () => $('library').value
export const baseOf = name => `/v1/libraries/${encodeURIComponent(name)}`
export const base = () => baseOf(library())
export const thumbnail = (id, size) => `${base()}/thumbnail?size=${size}&id=${encodeURIComponent(id)}`

export function element(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties)
  e.append(...children.filter(c => c != null))
  return e
}

export const button = (text, onclick, properties = {}) => element('button', { type: 'button', textContent: text, onclick, ...properties })

// facts fills a list with pairs of a name and a value.
export function facts(list, entries) {
  list.replaceChildren(...entries.flatMap(([k, v]) => [element('dt', { textContent: k }), element('dd', { textContent: v })]))
  return list
}

// tell writes a sentence where it is seen and read out.
export function tell(id, words, bad = false) {
  $(id).textContent = words
  $(id).classList.toggle('bad', bad)
}

export const nameOf = hit => (hit.path || hit.id).split(/[/\\]/).pop()
// parts is how many vectors of their parts the pictures of a library have.
export const parts = new Map()
export const percent = p => p === null ? '' : p >= 0.995 ? '99+ %' : `${Math.round(p * 100)} %`
export const count = (n, one, many = `${one}s`) => `${Number(n).toLocaleString('en')} ${n === 1 ? one : many}`
export const asDate = seconds => new Date(Number(seconds) * 1000).toLocaleString()

export function bytes(n) {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)} GB`
  return n >= 1e6 ? `${Math.round(n / 1e6)} MB` : `${Math.round(n / 1e3)} kB`
}

// span says how long something takes or took.
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`
}

// commandLine is a command to be copied into a terminal.
export function commandLine(text) {
  const copy = button('Copy', async () => {
    try {
      await navigator.clipboard.writeText(text)
      copy.textContent = 'Copied'
    } catch {
      copy.textContent = 'Select and copy it'
    }
    setTimeout(() => { copy.textContent = 'Copy' }, 2000)
  }, { className: 'plain small', ariaLabel: `Copy ${text}` })
  return element('div', { className: 'command' }, element('code', { textContent: text }), copy)
}
