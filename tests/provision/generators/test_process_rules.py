import yaml

from aiwatch.catalogue.model import Catalogue, Framework, build_process
from aiwatch.kinds import KINDS
from aiwatch.provision.generators import process_rules
from aiwatch.provision.yaml_text import HEADER


def catalogue() -> Catalogue:
    processes = [
        {"name": kind.name, "title": kind.title, "kind": kind.name, "business_unit": "unit", "owner": "a@example.com"}
        for kind in KINDS
    ]
    return Catalogue(Framework(), tuple(build_process(process) for process in processes))


def test_every_process_has_a_rule_file_of_its_name():
    tree = process_rules.generate(catalogue())
    assert list(tree) == [f"prometheus/generated/rules/{kind.name}.yml" for kind in KINDS]


def test_every_file_says_that_it_is_generated_and_what_to_edit():
    assert all(text.startswith(HEADER) for text in process_rules.generate(catalogue()).values())


def test_the_same_catalogue_gives_the_same_text():
    assert process_rules.generate(catalogue()) == process_rules.generate(catalogue())


def test_names_of_groups_are_unique_over_all_files():
    groups = [
        group["name"]
        for text in process_rules.generate(catalogue()).values()
        for group in yaml.safe_load(text)["groups"]
    ]
    assert len(set(groups)) == len(groups)


def test_recordings_stand_before_the_alerts_that_build_on_them():
    for text in process_rules.generate(catalogue()).values():
        first = yaml.safe_load(text)["groups"][0]
        kinds = ["record" if "record" in rule else "alert" for rule in first["rules"]]
        assert kinds == sorted(kinds, reverse=True)
        assert set(kinds) == {"record", "alert"}


def test_expressions_of_several_lines_are_written_as_they_are_read():
    for text in process_rules.generate(catalogue()).values():
        assert "expr: |-\n      sum by (process)" in text
        assert "\\n" not in text
