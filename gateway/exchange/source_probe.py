"""Tell an outage of a case system from a failure that concerns one person (assertions A42 and A74).

A case system may fail for one record alone: it is sealed, too many others share a detail of it, or it is too large. To
tell of such a failure under a conditional clause would tell of the record. An outage, on the other hand, must be told:
silence is no absence. A probe about an invented person decides, right after the failure:

1. it fails too: the source is out of order for everyone, which is told, in the words of the probe's own failure;
2. it succeeds: the failure concerns this person, and is answered as an absence is.

The probe describes its person by the same fields as the question, so that it takes the same way through the source. Its
result is never cached. A cached failure would tell of a sealed record once the source has recovered; a cached success
would call an outage an absence.
"""

from dataclasses import replace
from datetime import date
from typing import Final

from adapters.contract import AdapterError, Deadline, Finder, SourceNonsense
from trust.exchange.person import Address, Gender, Name, Subject

_INVENTED: Final = Subject(
    nhs_number="9990451273",
    upn="G999904512798",
    nino="ZY904512D",
    pnc_id="1901/9045127Z",
    family_name="Hearthgate-Probe",
    given_names="Absent",
    birth_date=date(1901, 2, 4),
    gender=Gender.UNKNOWN,
    address=Address(uprn="999990451279", postcode="ZE9 9WZ"),
)
"""A person of no case system: NHS numbers from 999 on are never issued, and none of these values stands in for others.

A value such as 9999999999 would not do: where a source has it in place of unknown numbers, the probe finds too many
records, fails each time, and has every failure told.
"""
_OTHERWISE: Final = Name(family_name="Hearthgate-Probe", given_names="Otherwise")


def probe(source: Finder, subject: Subject, *, deadline: Deadline) -> AdapterError | None:
    """Return why ``source`` fails for an invented person too, or ``None`` where it answers by the deadline."""
    try:
        source.find(invented(subject), deadline=deadline)
    except AdapterError as failed:
        return failed
    except Exception as fault:  # noqa: BLE001 - adapters may be anyone's code; its kind is kept, its words are not
        return SourceNonsense(f"The adapter failed with {type(fault).__name__}.")
    return None


def invented(subject: Subject) -> Subject:
    """Return an invented person who is described by the same fields as ``subject``."""
    address = subject.address
    return replace(
        subject,
        nhs_number=subject.nhs_number and _INVENTED.nhs_number,
        upn=subject.upn and _INVENTED.upn,
        nino=subject.nino and _INVENTED.nino,
        pnc_id=subject.pnc_id and _INVENTED.pnc_id,
        family_name=subject.family_name and _INVENTED.family_name,
        given_names=subject.given_names and _INVENTED.given_names,
        birth_date=subject.birth_date and _INVENTED.birth_date,
        gender=subject.gender and _INVENTED.gender,
        address=address and _like(address),
        aliases=(_OTHERWISE,) * len(subject.aliases),
    )


def _like(address: Address) -> Address:
    invented_address = _INVENTED.address or Address()
    return Address(uprn=address.uprn and invented_address.uprn, postcode=address.postcode and invented_address.postcode)
