"""The standard library's zstd on every Python we run on; imported only when something is compressed."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, ZstdCompressor, ZstdError, ZstdFile, get_frame_info
else:
    from backports.zstd import CompressionParameter, ZstdCompressor, ZstdError, ZstdFile, get_frame_info

__all__ = ["HEADER_BYTES", "ZstdCompressor", "ZstdError", "ZstdFile", "new_compressor", "uncompressed_size"]

HEADER_BYTES = 18
"""The longest that the header of a frame can be."""


def new_compressor(size_bytes: int) -> ZstdCompressor:
    """For one frame of *size_bytes*, which its header tells, with a checksum that readers verify."""
    compressor = ZstdCompressor(options={CompressionParameter.checksum_flag: 1})
    compressor.set_pledged_input_size(size_bytes)
    return compressor


def uncompressed_size(frame: bytes) -> int | None:
    """What the header at the beginning of *frame* tells; None if it does not, or is none."""
    try:
        return get_frame_info(frame[:HEADER_BYTES]).decompressed_size
    except ZstdError:
        return None
