"""What is written as pairs is what a dissection shows, through the module's one door."""

from aaad.radius import attributes
from aaad.radius.dictionary import load_dictionary


def test_pairs_are_shown_as_they_were_written() -> None:
    dictionary = load_dictionary()
    encoded = attributes.parse_pairs("NAS-Port = 5\nFilter-Id = slow", dictionary)
    packet = b"\4\1" + (20 + len(encoded)).to_bytes(2, "big") + bytes(16) + encoded
    shown = {row.name: row.meaning for row in attributes.dissect(packet, dictionary)}
    assert (shown["NAS-Port"], shown["Filter-Id"]) == ("5", '"slow"')
    definition = dictionary.require("NAS-Port")
    assert attributes.encode_attribute(definition, 5) == encoded[:6]
    assert attributes.decode_attribute(definition, encoded[2:6]) == "5"
