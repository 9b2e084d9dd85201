"""What people are told of a source that cannot be read says what to do."""

import errno
import socket

import av
import pytest

from bowstreet.video.confined import unreadable


def test_silence_is_called_silence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(av.FFmpegError) as raised:
        av.open(f"udp://127.0.0.1:{port}?timeout=300000", format="mpegts", timeout=(5, 5))
    assert "nothing comes from it" in unreadable(raised.value)
    with pytest.raises(av.FFmpegError) as raised:
        av.open(f"udp://127.0.0.1:{port}", format="mpegts", timeout=(0.3, 0.3))
    assert "nothing comes from it" in unreadable(raised.value)


def test_a_port_that_another_program_has_is_told() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(av.FFmpegError) as raised:
            av.open(f"udp://127.0.0.1:{other.getsockname()[1]}", format="mpegts", timeout=(5, 5))
    assert raised.value.errno == errno.EADDRINUSE
    assert "another program listens" in unreadable(raised.value)
