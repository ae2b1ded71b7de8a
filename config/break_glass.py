"""Settings of break-glass: ``[break_glass]``."""

from config.fields import Label
from config.on_call import MailSettings
from config.tables import Frozen


class BreakGlassSettings(Frozen):
    """``[break_glass]``: the person who reviews each use, and that person's manager. Without them there is none.

    ``mail`` tells the reviewer of each use at once, ``manager_mail`` the manager of each that is not reviewed in time.
    """

    reviewer: Label
    manager: Label
    mail: MailSettings | None = None
    manager_mail: MailSettings | None = None
