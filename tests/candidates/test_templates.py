"""Templates: what they render, and what they must not do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.candidates.templates import Template, _environment, rendered
from evalharness.core.cases import Case
from evalharness.core.errors import ConfigError
from evalharness.core.results import Failure

CASE = Case(
    id="c1", input="hello", context=("first", {"id": "d", "text": "second"}), metadata={"region": "eu", "days": [1, 2]}
)


def render(source, case=CASE):
    return Template(source, where="prompts/a.md").render(case)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{ input }}", "hello"),
        ("Q: {{input}}\nA:", "Q: hello\nA:"),
        ("{{ input }}\n", "hello"),
        ("{{ input }}\n\n", "hello\n"),
        ("{{ input | upper }}", "HELLO"),
        ("{{ metadata.region }}/{{ metadata['days'] | join('-') }}", "eu/1-2"),
        ("{% for part in context %}{{ loop.index }}{{ part if part is string else part.text }};{% endfor %}", "1first;2second;"),
        ("{% if metadata.city is defined %}x{% else %}none{% endif %}", "none"),
        ("{{ metadata }}", '{"days":[1,2],"region":"eu"}'),
        ("{# note #}a", "a"),
        ("{{ 2 * 3 }}", "6"),
        ("}} stray", "}} stray"),
    ],
)  # fmt: skip
def test_rendering(source, text):
    assert render(source) == text


@given(
    st.lists(st.sampled_from(["{{ input }}", "{{input}}", "{{  input  }}", "a", "\n", "}", "}}", " ", "é", "{", "%}", "#", "\r\n"]), max_size=8),
    st.text(),
)  # fmt: skip
def test_the_way_around_jinja_gives_the_same_text(pieces, value):
    source = "".join(pieces)
    case = Case(id="c", input=value)
    try:
        template = Template(source, where="t")
    except ConfigError:
        return  # the sandbox's own grammar refused it, so nothing went around
    assert template.render(case) == _environment().from_string(source).render(input=value)


def test_the_way_around_is_taken():
    assert Template("Q: {{ input }}", where="t").cannot_fail
    assert Template("system", where="t").constant
    assert not Template("Q: {{ metadata.x }}", where="t").cannot_fail
    assert not Template("Q: {{ input }}", where="t").constant


@pytest.mark.parametrize(
    "value", ["{{ 7*7 }}", "{% raw %}", "{{ input }}", "${7*7}", "{0.__class__}", "%(x)s", "{{ self }}"]
)
def test_case_data_is_never_a_template(value):
    for source in ("Q: {{ input }}", "Q: {{ input | trim }}"):
        assert render(source, Case(id="c", input=value)) == f"Q: {value}"


def test_an_input_that_is_no_text_appears_as_json():
    case = Case(id="c", input={"b": 1, "a": ["ü", None]})
    assert render("{{ input }}", case) == '{"a":["ü",null],"b":1}'
    assert render("{{ input }}{{ input.b }}", case) == '{"a":["ü",null],"b":1}1'


@pytest.mark.parametrize(
    "source",
    [
        "{{ target }}", "{{ relevant }}", "{{ id }}", "{{ checks }}", "{{ env }}", "{{ request }}", "{{ self.x }}", "{{ config }}",
        "{{ range(3) }}", "{{ cycler('a') }}", "{{ joiner() }}", "{{ namespace() }}", "{{ lipsum() }}", "{{ dict() }}",
        "{{ ''.__class__ }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ input.__init__.__globals__ }}",
        "{{ input|attr('__class__') }}", "{{ metadata['__class__'] }}", "{{ ().__class__.__bases__ }}",
        "{{ input.format(1) }}", "{{ '{0.__class__}'.format(input) }}", "{{ '{a.__class__}'.format_map({'a': input}) }}",
        "{{ 'x' * 1000000000 }}", "{{ [0] * 1000000000 }}", "{{ 9 ** 9 ** 9 }}", "{{ '%1000000000d' % 1 }}",
        "{{ 'x'.center(1000000000) }}", "{{ 'x'.ljust(1000000000) }}", "{{ 'x' | center(1000000000) }}", "{{ '7'.zfill(1000000000) }}",
        "{{ 'x' | indent(1000000000) }}", "{{ [1, 2] | random }}", "{{ metadata.update({'a': 1}) }}", "{{ context.append(1) }}",
        "{{ metadata.days.append(3) }}", "{{ metadata.pop('region') }}",
        "{% include 'evalh.toml' %}", "{% import 'os' as os %}", "{% extends 'a' %}", "{% from 'a' import b %}",
        "{{ metadata.regoin }}", "{{ metadata.a.b }}", "{{ context[9] }}", "{{ 1 / 0 }}", "{{ input + 1 }}",
        "{{ input", "{% for %}", "{% endif %}", "{{ input | nosuch }}", "{% do input %}", "{% set x = namespace %}{{ x }}",
    ],
)  # fmt: skip
def test_hazards_and_mistakes_are_config_errors(source):
    with pytest.raises(ConfigError) as caught:
        render(source)
    assert caught.value.exit_code == 2
    assert caught.value.where.startswith("prompts/a.md")


def test_negative_control_a_plain_environment_would_do_it():
    import jinja2

    assert "class" in jinja2.Environment().from_string("{{ ''.__class__ }}").render()
    assert jinja2.Environment().from_string("{{ range(3) | list }}").render() == "[0, 1, 2]"
    assert len(jinja2.Environment().from_string("{{ 'x' * 1000 }}").render()) == 1000


def test_a_mistake_is_shown_with_its_line_and_case():
    with pytest.raises(ConfigError, match=r"case c1.*regoin") as caught:
        render("one\ntwo\n{{ metadata.regoin }}\n")
    assert caught.value.where == "prompts/a.md:3"
    with pytest.raises(ConfigError) as caught:
        Template("one\n{{ oops", where="evalh.toml:9: prompt")
    assert caught.value.where == "evalh.toml:9: prompt"


def test_a_text_without_end_is_refused():
    case = Case(id="c", input="x" * 3000)
    with pytest.raises(ConfigError, match="more than"):
        render("{% for a in input %}{{ input }}{% endfor %}", case)


def test_rendering_changes_nothing():
    before = CASE.to_json()
    render("{% set ns = metadata %}{{ ns.days | sort(reverse=true) | join }}")
    assert CASE.to_json() == before


def test_a_strangers_template_never_meets_the_engine_of_this_process() -> None:
    asked = []

    def isolate(job: str, *args: object) -> object:
        asked.append((job, *args))
        return (
            ["there", "", None]
            if "fine" in str(args[0])
            else Failure(stage="scorer", kind="timeout", message="too long")
        )

    fine = Template("fine {{ metadata }}", where="p.jinja", isolate=isolate)
    assert fine.render(Case(id="a", input="q")) == "there"
    assert asked == [("render_template", "fine {{ metadata }}", {"input": "q", "context": [], "metadata": {}})]
    with pytest.raises(ConfigError, match="case a: too long"):
        Template("{% for x in input %}{% endfor %}", where="p.jinja", isolate=isolate).render(Case(id="a", input="q"))
    # One without any logic needs no engine at all.
    assert Template("Say {{ input }}!", where="p.jinja", isolate=isolate).render(Case(id="a", input="q")) == "Say q!"
    assert len(asked) == 2


def test_a_worker_says_what_is_wrong_as_this_process_does() -> None:
    known = {"input": "x", "context": [], "metadata": {}}
    assert rendered("{{ input }}", known) == ("x", "", None)
    assert rendered("\n{{ nothing }}", known) == ("", "'nothing' is undefined", 2)
    assert rendered("\n{% endfor %}", known)[2] == 2
    assert "more than" in rendered("{{ input }}" * 5, {"input": "x" * 1_000_000})[1]
