"""One peer in a process of its own: python worker.py PEER TOWER BATCH TOKENS THREADS CACHE

Says "ready" once the model runs; for each line "SECONDS" on its input it runs that long and answers with a JSON list of
the runs' times in milliseconds.
"""
import json
import sys
import time

import towers


def onnxruntime_run(file, data, threads):
    import onnxruntime as ort

    o = ort.SessionOptions()
    o.intra_op_num_threads, o.inter_op_num_threads = threads, 1
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(file, o, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, data)


def openvino_run(file, data, threads, precision):
    import openvino as ov

    model = ov.Core().compile_model(file, "CPU", {
        "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
    })
    request = model.create_infer_request()
    (_, value), = data.items()
    return lambda: request.infer([value])


def torch_run(tower, data, threads, dtype):
    import torch

    torch.set_num_threads(threads)
    dtype = getattr(torch, dtype)
    model = towers.torch_model(tower).to(dtype)
    (name, value), = data.items()
    value = torch.from_numpy(value)
    if value.is_floating_point():
        value = value.to(dtype)

    def run():
        with torch.inference_mode():
            return model(**{name: value})[0]

    return run


def torch_decoder(tower, data, threads, dtype):
    """The logits after a prompt; or, of -decode, those after one more token, whose keys and values are then dropped."""
    import torch
    import transformers as t

    torch.set_num_threads(threads)
    model = towers.torch_model(tower).to(getattr(torch, dtype))
    ids = torch.from_numpy(data["input_ids"])
    if tower.endswith("prefill"):
        def run():
            with torch.inference_mode():
                return model(input_ids=ids, past_key_values=t.DynamicCache(config=model.config), logits_to_keep=1).logits

        return run
    cache = t.DynamicCache(config=model.config)
    with torch.inference_mode():
        model(input_ids=ids, past_key_values=cache, logits_to_keep=1)

    def step():
        with torch.inference_mode():
            logits = model(input_ids=ids[:, -1:], past_key_values=cache).logits
            cache.crop(-1)
            return logits

    return step


def prepare(peer, tower, batch, tokens, threads, cache):
    data = towers.inputs(tower, batch, tokens)
    if peer == "onnxruntime f32":
        return onnxruntime_run(towers.onnx_file(cache, tower, batch, tokens), data, threads)
    if peer == "onnxruntime dynamic int8":
        return onnxruntime_run(towers.int8_onnx_file(cache, tower, batch, tokens), data, threads)
    if peer == "openvino nncf int8":
        return openvino_run(towers.int8_openvino_file(cache, tower, batch, tokens), data, threads, "f32")
    if peer in ("openvino f32", "openvino bf16"):
        return openvino_run(towers.onnx_file(cache, tower, batch, tokens), data, threads, peer.split()[1])
    if peer == "torch bf16" and tower.startswith("smolvlm"):
        return torch_decoder(tower, data, threads, "bfloat16")
    if peer == "torch bf16":
        return torch_run(tower, data, threads, "bfloat16")
    sys.exit(f"no peer {peer}")


def main():
    peer, tower, batch, tokens, threads, cache = sys.argv[1:]
    run = prepare(peer, tower, int(batch), int(tokens), int(threads), cache)
    for _ in range(3):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        end, times = time.perf_counter() + float(line), []
        while time.perf_counter() < end or len(times) < 3:
            start = time.perf_counter()
            run()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main()
