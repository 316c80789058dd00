"""The kind ``dataset``: pictures and labels in one memory-mapped file, read by index without Python work per image.

Tensors: ``images`` uint8 ``[N, C, H, W]`` and, where there are labels, ``labels`` (int64 ``[N]`` or float32 ``[N, A]``).
Metadata: ``condition`` (kind, names, words) or null, ``fingerprint``, ``source``.
"""
