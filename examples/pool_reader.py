#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pool_reader.py SOCKET: prints the frames of the pool-producer there, read where they are."""
import contextlib
import ctypes
import errno
import os
import socket
import struct
import sys

LIBRARY = ctypes.CDLL("libdmabuf.so.0")  # LD_LIBRARY_PATH says where, if the loader does not know
FRAME = struct.Struct("16s12sI")  # as in pool-common.h: value of a fence, handle, number
BUFFER = struct.Struct("NPP?PP")  # how a struct dma_buf begins: with its size; the last is resv
PROT_READ, DMA_FROM_DEVICE, DMA_RESV_USAGE_READ = 1, 2, 2
POINTER, LONG = ctypes.c_void_p, ctypes.c_int64


def call(name, *arguments, result=ctypes.c_int):
    """Addresses go to the library as a POINTER. A negative errno becomes an OSError."""
    function = getattr(LIBRARY, name)
    function.restype = result
    value = function(*arguments)
    if value is not None and -4096 < value < 0:
        raise OSError(-value, os.strerror(-value))
    return value


class Buffer:
    def __init__(self, pool, handle):
        self.dmabuf, address = POINTER(), POINTER()
        call("dma_buf_pool_get_buf", pool, handle, ctypes.byref(self.dmabuf))
        call("dma_buf_mmap_cpu", self.dmabuf, PROT_READ, ctypes.byref(address))
        size, *_, resv = BUFFER.unpack(ctypes.string_at(self.dmabuf, BUFFER.size))
        self.resv = POINTER(resv)
        # No copy: it is the memory itself, and numpy.frombuffer() would take this view, too.
        self.pixels = memoryview((ctypes.c_char * size).from_address(address.value)).cast("B")

    def add_reader(self, timeline):
        fence = POINTER(call("dma_fence_timeline_emit", timeline, result=LONG))  # its next point
        call("dma_resv_lock_timeout", self.resv, None, LONG(2 * 10**9))
        try:
            call("dma_resv_reserve_fences", self.resv, 1)
            call("dma_resv_add_fence", self.resv, fence, DMA_RESV_USAGE_READ, result=None)
        finally:
            call("dma_resv_unlock", self.resv, result=None)
            call("dma_fence_put", fence, result=None)

    def text(self, pool, drawn):
        """Once it is drawn, what is in it. An error of the drawing is raised."""
        fence = POINTER(call("dma_buf_pool_import_fence", pool, drawn, result=LONG))
        call("dma_fence_wait", fence, True, result=LONG)
        try:
            call("dma_fence_get_status", fence)
        finally:
            call("dma_fence_put", fence, result=None)
        call("dma_buf_begin_cpu_access", self.dmabuf, DMA_FROM_DEVICE)
        end = next((i for i, byte in enumerate(self.pixels) if not byte), None)
        text = str(self.pixels[:end], "utf-8", "replace")  # so much is copied, and no more
        call("dma_buf_end_cpu_access", self.dmabuf, DMA_FROM_DEVICE)
        return text


def receive(sock):
    """The next message. After a producer that had not read all answers it comes second."""
    with contextlib.suppress(ConnectionResetError):
        return sock.recv(FRAME.size)
    return sock.recv(FRAME.size)


def main():
    sock, pool = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET), POINTER()
    sock.connect(sys.argv[1])
    call("dma_buf_pool_join", sock.fileno(), LONG(10 * 10**9), ctypes.byref(pool))
    timeline = POINTER(call("dma_fence_timeline_create", b"reader", result=LONG))
    answer = struct.pack("I", call("dma_buf_pool_self", pool, result=ctypes.c_uint32))
    sock.send(answer)
    print("member", *struct.unpack("I", answer), flush=True)
    buffers, error = {}, 0
    for point, message in enumerate(iter(lambda: receive(sock), b""), 1):
        drawn, handle, number = FRAME.unpack(message)
        try:
            buffer = buffers[handle] = buffers.get(handle) or Buffer(pool, handle)
            try:
                buffer.add_reader(timeline)
            finally:
                with contextlib.suppress(BrokenPipeError):
                    sock.send(answer)
            text = buffer.text(pool, drawn)
            call("dma_buf_pool_status", pool)  # evicted meanwhile, it may have read anything
        except OSError as problem:
            error, text = problem.errno, problem.strerror
        print(f"frame {number}: {text}", flush=True)
        call("dma_fence_timeline_signal", timeline, LONG(point), 0)
    return 0 if error == errno.ENODATA else 1  # it is: there are no more frames


sys.exit(main())
