"""Files of other libraries, read without them: Torch7's `.t7`, safetensors.

Nothing that a file says is ever run. `python -m fnn.files inspect FILE` shows what is in one,
`python -m fnn.files convert FILE.t7 FILE.safetensors` takes its tensors out.
"""
