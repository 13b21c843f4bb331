# C signatures of what every posting calls; see text.py.

cpdef str escape_text(str text)
cpdef str escape_octets(bytes octets)
cpdef str unescape_text(str text)
cpdef bytes unescape_octets(str text)
