"""The users that a load is made of: names and passwords, packed for the sending loop.

An MS-CHAPv2 response is three DES encryptions: it is computed once a user, for a challenge that the
user keeps. The server has the same work with it each time, and no server may remember challenges:
they are the NAS's (RFC 2759 s.4).
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

USERS_MAX = 4_000_000
NAME_OCTETS_MAX = NAME_MAX
PASSWORD_OCTETS_MAX = PASSWORD_MAX


cdef class Users:
    """Pairs of (name, password), both bytes. Raises ValueError for too many or too long ones."""

    def __cinit__(self, list pairs not None):
        if not 1 <= len(pairs) <= USERS_MAX:
            raise ValueError(f"{len(pairs)} users: give 1 to {USERS_MAX}")
        self.count = <uint32_t>len(pairs)
        self._users = <User *>calloc(self.count, sizeof(User))
        if self._users is NULL:
            raise MemoryError(f"no memory for {self.count} users")
        cdef uint32_t index
        for index in range(self.count):
            name, password = pairs[index]
            self._set(&self._users[index], name, password)

    def __dealloc__(self):
        free(self._users)
        free(self._mschap2)

    cdef _set(self, User *user, bytes name, bytes password):
        if not 1 <= len(name) <= NAME_MAX or len(password) > PASSWORD_MAX:
            raise ValueError(
                f"user {name!r}: names have 1 to {NAME_MAX} octets, passwords up to {PASSWORD_MAX}"
            )
        user.name_size = <uint8_t>len(name)
        user.password_size = <uint8_t>len(password)
        memcpy(user.name, <const char *>name, user.name_size)
        memcpy(user.password, <const char *>password, user.password_size)

    def name(self, uint32_t index) -> bytes:
        """A user's name."""
        if index >= self.count:
            raise IndexError(f"user {index} of {self.count}")
        cdef const User *user = &self._users[index]
        return user.name[:user.name_size]

    def set_mschap2(self, list values not None):
        """(challenge, MS-CHAP2-Response) of each user, in their order: 16 and 50 octets."""
        if len(values) != self.count:
            raise ValueError(f"{len(values)} responses for {self.count} users")
        cdef size_t size = CHALLENGE + MSCHAP2_RESPONSE
        if self._mschap2 is NULL:
            self._mschap2 = <uint8_t *>calloc(self.count, size)
        if self._mschap2 is NULL:
            raise MemoryError(f"no memory for {self.count} responses")
        cdef bytes challenge, response
        for index, (challenge, response) in enumerate(values):
            if len(challenge) != CHALLENGE or len(response) != MSCHAP2_RESPONSE:
                raise ValueError(f"response {index} has a wrong size")
            memcpy(&self._mschap2[index * size], <const char *>challenge, CHALLENGE)
            memcpy(
                &self._mschap2[index * size + CHALLENGE], <const char *>response, MSCHAP2_RESPONSE
            )

    @property
    def has_mschap2(self) -> bool:
        """Whether `set_mschap2` was called."""
        return self._mschap2 is not NULL

    cdef const User *user(self, uint32_t index) noexcept nogil:
        return &self._users[index]

    cdef const uint8_t *challenge(self, uint32_t index) noexcept nogil:
        return &self._mschap2[<size_t>index * (CHALLENGE + MSCHAP2_RESPONSE)]

    cdef const uint8_t *response(self, uint32_t index) noexcept nogil:
        return &self._mschap2[<size_t>index * (CHALLENGE + MSCHAP2_RESPONSE) + CHALLENGE]
