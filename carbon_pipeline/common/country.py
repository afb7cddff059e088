"""Country codes of ISO 3166-1, from pycountry, and Kosovo's. The location of this machine is determined elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    """A country of ISO 3166-1.

    Attributes:
        alpha_2: code of two letters, as in the records and reports.
        alpha_3: code of three letters, as used by CodeCarbon.
        name: the common English name.
    """

    alpha_2: str
    alpha_3: str
    name: str


KOSOVO = Country("XK", "XKX", "Kosovo")
"""ISO has left these codes to its users, and has assigned none to Kosovo; ip-api.com and others use them."""


def find_country(code: str) -> Country:
    """Find the country with a code.

    Args:
        code: two or three letters, in upper or lower case.

    Raises:
        ValueError: the code is not an ISO 3166-1 country code.
    """
    import pycountry

    key = code.strip().upper()
    if key in (KOSOVO.alpha_2, KOSOVO.alpha_3):
        return KOSOVO
    found = pycountry.countries.get(**{"alpha_2" if len(key) == 2 else "alpha_3": key}) if key.isalpha() else None
    if found is None:
        raise ValueError(f"{code!r} is not an ISO 3166-1 country code; use two or three letters, such as FR or FRA")
    return _country(found)


def all_countries() -> list[Country]:
    """List all countries of ISO 3166-1, and Kosovo."""
    import pycountry

    return [*map(_country, pycountry.countries), KOSOVO]


def _country(entry: object) -> Country:
    # A few countries have a common name ("Bolivia") beside the formal one ("Bolivia, Plurinational State of").
    name = getattr(entry, "common_name", None) or entry.name  # type: ignore[attr-defined]
    return Country(entry.alpha_2, entry.alpha_3, name)  # type: ignore[attr-defined]
