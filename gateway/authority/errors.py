"""The refusals of an authority's rules."""


class MemberChanged(Exception):
    """A member is not as it was when the change was planned; ``str()`` says what to do."""


class EnrolmentRefused(Exception):
    """An enrolment request does not enter the queue; ``str()`` says why, empty where the request itself is sound."""


class EnrolmentQueueFull(EnrolmentRefused):
    """As many requests wait as may wait."""


class EnrolmentRateExceeded(EnrolmentRefused):
    """As many requests were received as may be received in a minute."""
