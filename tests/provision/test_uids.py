from aiwatch.provision.uids import LONGEST_UID, OVERVIEW_UID, dashboard_uid


def test_a_uid_is_never_longer_than_grafana_allows():
    assert all(len(dashboard_uid("p" * length)) <= LONGEST_UID for length in range(1, 61))


def test_long_names_that_begin_alike_have_different_uids():
    assert dashboard_uid("p" * 50 + "a") != dashboard_uid("p" * 50 + "b")


def test_a_process_called_overview_does_not_take_the_place_of_the_overview():
    assert dashboard_uid("overview") != OVERVIEW_UID
