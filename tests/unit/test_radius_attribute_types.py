"""The constants hold the numbers of the dictionaries, under the RFCs' names."""

from aaad.radius import attribute_types as types
from aaad.radius.dictionary import load_dictionary

VENDORS = {
    "CISCO": "Cisco",
    "MICROSOFT": "Microsoft",
    "ASCEND": "Ascend",
    "HUAWEI": "Huawei",
    "REDBACK": "Redback",
    "JUNIPER": "Juniper",
    "JUNIPER_ERX": "ERX",
    "ALCATEL_SR": "Alcatel-IPD",
    "ARUBA": "Aruba",
    "WISPR": "WISPr",
    "CHILLISPOT": "ChilliSpot",
    "MIKROTIK": "Mikrotik",
    "RUCKUS": "Ruckus",
}


def test_every_constant_is_a_vendor_or_an_attribute_of_the_tables() -> None:
    dictionary = load_dictionary()
    constants = {name: number for name, number in vars(types).items() if name.isupper()}
    for name, number in constants.items():
        if name in VENDORS:
            assert dictionary.vendor_name(number) == VENDORS[name]
        elif name != "VENDOR_SPECIFIC":  # it has no table entry: the codec opens it
            found = dictionary.by_number(types.MICROSOFT if name.startswith("MS_") else 0, number)
            assert found is not None, name
            assert found.name.upper().replace("-", "_") == name
    assert constants.keys() >= VENDORS.keys()
