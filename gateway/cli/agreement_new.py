"""``hearthgate agreement new``: write a draft from a template, asking in a terminal for what no option says."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from gateway.administration import new_agreement
from gateway.administration.agreement_templates import AgreementTemplate, load_template, template_names
from gateway.administration.drafting import DraftParty, DraftService, default_answers
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import config_option, load_node, names_node
from gateway.cli.output import command_output, prompted, show_plan
from trust.agreements.legal_entry import UkNation

_FILE = click.Path(path_type=Path, dir_okay=False)
_UNANSWERED = "Nothing was written: a question was not answered."
FindParty = Callable[[str], DraftParty]


@click.command("new")
@click.argument("file", required=False, type=_FILE)
@click.option("--template", help=f"One of: {', '.join(template_names())}.")
@click.option("--party", "parties", multiple=True, metavar="ENTITY", help="Another party; repeat it for each.")
@click.option("--nation", "nations", multiple=True, metavar="ENTITY=NATION", help="Where a party acts; repeat it.")
@click.option(
    "--answer", "answer_pairs", multiple=True, metavar="NAME=TEXT", help="The answer to a question; repeat it."
)
@click.option("--answers", "answers_file", type=_FILE, help="A TOML file of answers, and of parties.")
@click.option("--under", type=_FILE, help="The overarching agreement of a schedule.")
@click.option("--ask/--no-ask", default=None, help="Ask for what is missing [default: in a terminal].")
@config_option
@command_output
def new(*, file: Path | None, config: Path | None, **options: Any) -> UseCaseResult:
    """Write a draft agreement to FILE and check it.

    At a node, the parties come from the federation with their services, kinds and duty lines. Elsewhere they are asked
    for. What is not answered stays blank in FILE, and `agreement check` names it.
    """
    ask = sys.stdin.isatty() if options["ask"] is None else options["ask"]
    under = new_agreement.read_overarching(options["under"]) if options["under"] else None
    template = _template(options["template"], ask=ask, is_schedule=under is not None)
    file_answers = new_agreement.AnswersFile()
    if options["answers_file"] is not None:
        file_answers = new_agreement.read_answers(options["answers_file"])
    parties = _all_parties(options, file_answers, config, ask=ask)
    answers = _answers(
        template, parties, {**file_answers.answers, **_pairs(options["answer_pairs"], "--answer")}, ask=ask
    )
    request = new_agreement.DraftRequest(template=template, parties=parties, answers=answers, under=under)
    return new_agreement.write_draft(file or Path(f"{template.name}.toml"), request)


def _template(name: str | None, *, ask: bool, is_schedule: bool) -> AgreementTemplate:
    if name is None and not ask:
        raise click.UsageError(f"Give --template, one of: {', '.join(template_names())}.")
    if name is None:
        templates = [load_template(each, is_schedule=is_schedule) for each in template_names()]
        show_plan(*(f"  {each.name}: {each.about}" for each in templates))
        choice = click.Choice(template_names())
        name = prompted("Which template", unanswered=_UNANSWERED, type=choice, show_choices=False)
    return load_template(name, is_schedule=is_schedule)


def _all_parties(
    options: Mapping[str, Any], file_answers: new_agreement.AnswersFile, config: Path | None, *, ask: bool
) -> tuple[DraftParty, ...]:
    """Return the parties: this node's agency, those of the options and the file, and those that are asked for."""
    described = {party.entity: party for party in file_answers.parties}
    if not names_node(config):
        parties = [*file_answers.parties, *_described(options["parties"], described, _describe if ask else _unknown)]
        parties += _more_parties(parties, _describe) if ask else []
    else:
        with federation_of(load_node(config)) as federation:
            own = new_agreement.own_party(federation)

            def find(entity: str) -> DraftParty:
                return described.get(entity) or new_agreement.find_party(federation, entity)

            parties = [own, *file_answers.parties, *(find(entity) for entity in options["parties"])]
            if ask and len(parties) == 1:
                show_plan("Known here:", *(f"  {entity}" for entity in new_agreement.known_parties(federation)))
            parties += _more_parties(parties, find) if ask else []
    nations = _pairs(options["nations"], "--nation")
    merged = new_agreement.merge_parties(parties)
    return tuple(_with_nations(party, nations.get(party.entity), ask=ask) for party in merged)


def _described(entities: Sequence[str], described: Mapping[str, DraftParty], describe: FindParty) -> list[DraftParty]:
    return [described.get(entity) or describe(entity) for entity in entities]


def _more_parties(parties: Sequence[DraftParty], find: FindParty) -> list[DraftParty]:
    """Ask for parties until there are two, and then whether there is another."""
    more: list[DraftParty] = []
    while len(parties) + len(more) < 2 or _another("party"):  # noqa: PLR2004 - an agreement is between two at least
        more.append(
            find(prompted("The entity identifier of a party, such as https://trust.example", unanswered=_UNANSWERED))
        )
    return more


def _describe(entity: str) -> DraftParty:
    """Ask for a party that no federation can tell of."""
    name = prompted(f"The name of {entity}", unanswered=_UNANSWERED)
    services: list[DraftService] = []
    while not services or _another(f"service of {name}"):
        services.append(
            DraftService(
                slug=prompted("A service's short name, such as money-advice", unanswered=_UNANSWERED),
                kind=prompted("Its kind, such as money-advice", unanswered=_UNANSWERED),
                name=prompted("Its name", unanswered=_UNANSWERED),
                duty_phone=prompted("Its duty line", unanswered=_UNANSWERED, default="", show_default=False),
            )
        )
    return DraftParty(entity=entity, name=name, services=tuple(services))


def _unknown(entity: str) -> DraftParty:
    raise OperationRefused(
        f"Nothing tells of {entity}: name this node's configuration with --config, or describe it in --answers."
    )


def _another(what: str) -> bool:
    try:
        return click.confirm(f"Another {what}?", err=True)
    except click.Abort:
        raise OperationRefused(_UNANSWERED) from None


def _with_nations(party: DraftParty, option: str | None, *, ask: bool) -> DraftParty:
    nations = option if option is not None else ",".join(nation for nation in UkNation if nation in party.nations)
    if option is None and ask:
        question = f"Where does {party.name} act ({', '.join(UkNation)})"
        nations = prompted(question, unanswered=_UNANSWERED, default=nations or UkNation.ENGLAND)
    return new_agreement.with_nations(party, [nation for nation in nations.split(",") if nation.strip()])


def _answers(
    template: AgreementTemplate, parties: Sequence[DraftParty], answers_so_far: Mapping[str, str], *, ask: bool
) -> dict[str, str]:
    names = [question.name for question in template.questions]
    unknown = sorted(set(answers_so_far) - set(names))
    if unknown:
        raise OperationRefused(f"No question is called {', '.join(unknown)}; there are: {', '.join(names)}.")
    answers = {**default_answers(template, parties), **answers_so_far}
    if ask:
        show_plan("An empty answer leaves a blank in the draft, to be completed before it is checked.")
        for question in template.questions:
            if question.name not in answers_so_far:
                default = answers[question.name]
                answers[question.name] = prompted(
                    question.text, unanswered=_UNANSWERED, default=default, show_default=bool(default)
                )
    return answers


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs = [(name, text) for name, sign, text in (each.partition("=") for each in texts) if name and sign]
    if len(pairs) != len(texts):
        raise click.UsageError(f"{option} is NAME=TEXT.")
    return dict(pairs)
