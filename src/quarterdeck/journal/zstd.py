"""The standard library's zstd on every Python we run on; imported only when something is compressed."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdCompressor, ZstdError, ZstdFile, get_frame_info
else:
    from backports.zstd import ZstdCompressor, ZstdError, ZstdFile, get_frame_info

__all__ = ["HEADER_BYTES", "ZstdCompressor", "ZstdError", "ZstdFile", "get_frame_info"]

HEADER_BYTES = 18
"""The longest that a frame's header can be."""
