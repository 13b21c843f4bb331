"""MD5, HMAC-MD5 and MD4 for Python: thin doors to digests.h, where the reasons stand.

The packet path does not come through here: it calls the C functions itself.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize


def md5(data):
    """The MD5 digest of `data` (RFC 1321), 16 octets."""
    cdef digest_context context
    cdef uint8_t out[DIGEST_SIZE]
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    digest_start(&context)
    md5_update(&context, <const uint8_t *>view.buf, view.len)
    md5_finish(&context, out)
    PyBuffer_Release(&view)
    return PyBytes_FromStringAndSize(<const char *>out, DIGEST_SIZE)


def hmac_md5(key, data):
    """The HMAC-MD5 of `data` under `key` (RFC 2104), 16 octets."""
    cdef digest_context context
    cdef hmac_md5_key prepared
    cdef uint8_t out[DIGEST_SIZE]
    cdef Py_buffer view
    PyObject_GetBuffer(key, &view, PyBUF_SIMPLE)
    hmac_md5_prepare(&prepared, <const uint8_t *>view.buf, view.len)
    PyBuffer_Release(&view)
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    hmac_md5_start(&prepared, &context)
    md5_update(&context, <const uint8_t *>view.buf, view.len)
    hmac_md5_finish(&prepared, &context, out)
    PyBuffer_Release(&view)
    return PyBytes_FromStringAndSize(<const char *>out, DIGEST_SIZE)


def md4(data):
    """The MD4 digest of `data` (RFC 1320), 16 octets: what an NT password hash is made of."""
    cdef uint8_t out[DIGEST_SIZE]
    cdef Py_buffer view
    PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    md4_digest(<const uint8_t *>view.buf, view.len, out)
    PyBuffer_Release(&view)
    return PyBytes_FromStringAndSize(<const char *>out, DIGEST_SIZE)
