"""Users for the modules that send requests about them."""

from libc.stdint cimport uint8_t, uint32_t

cdef enum:
    NAME_MAX = 64
    PASSWORD_MAX = 64
    CHALLENGE = 16
    MSCHAP2_RESPONSE = 50

cdef struct User:
    uint8_t name_size
    uint8_t password_size
    uint8_t name[NAME_MAX]
    uint8_t password[PASSWORD_MAX]


cdef class Users:
    cdef User *_users
    cdef uint8_t *_mschap2
    cdef readonly uint32_t count

    cdef _set(self, User *user, bytes name, bytes password)
    cdef const User *user(self, uint32_t index) noexcept nogil
    cdef const uint8_t *challenge(self, uint32_t index) noexcept nogil
    cdef const uint8_t *response(self, uint32_t index) noexcept nogil
