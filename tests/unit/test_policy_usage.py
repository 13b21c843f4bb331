"""Proves what each report does to its session: placed by its start, counted upwards only, ended
once.

Prices are a thousand micros a second and one an octet, so a charge shows what was counted.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from aaad.policy.class_attribute import make_class
from aaad.policy.report import WORD
from aaad.policy.usage import (
    START_TOLERANCE_S,
    Effect,
    NasFacts,
    end_when_last_heard,
    place,
    terminate_cause,
)
from aaad.radius.codes import AcctStatusType
from ratingcore.errors import RatingError
from tests.usage_builders import DAY_S, NAS, NOON, Story, report, terms

START = AcctStatusType.START
INTERIM = AcctStatusType.INTERIM_UPDATE
STOP = AcctStatusType.STOP


def micros(seconds: int = 0, octets: int = 0) -> int:
    return 1_000 * seconds + octets


def started(**given: object) -> Story:
    """A session that began at noon."""
    story = Story(**given)
    assert story.tell(report(START)) is Effect.STARTED
    return story


def later(seconds: int, status: AcctStatusType = INTERIM, **given: object):
    """A report that is as old as its Acct-Session-Time says."""
    return report(status, received_at=NOON + seconds, session_time_s=seconds, **given)


def test_start_interim_stop() -> None:
    story = started()
    assert story.tell(later(600, input_octets=10, output_octets=90)) is Effect.COUNTED
    assert story.only.meter.charge_micros == micros(600, 100)
    ended = story.tell(later(900, STOP, input_octets=20, output_octets=180, terminate_cause=1))

    assert ended is Effect.ENDED
    session = story.only
    assert (session.started_at, session.ended_at) == (NOON, NOON + 900)
    assert session.terminate_cause == "User-Request"
    assert session.meter.charge_micros == micros(900, 200)
    assert [made.piece.charge_micros for made in session.unposted] == [micros(900, 200)]


def test_a_stop_sent_again_with_another_delay_costs_once() -> None:
    story = started()
    story.tell(later(900, STOP, output_octets=100))
    again = replace(later(900, STOP, output_octets=100), received_at=NOON + 960, delay_s=60)
    assert story.tell(again) is Effect.AFTER_END
    assert story.only.meter.charge_micros == micros(900, 100)


def test_an_interim_after_its_stop_adds_nothing() -> None:
    story = started()
    story.tell(later(900, STOP))
    assert story.tell(later(901, INTERIM, output_octets=5)) is Effect.AFTER_END
    assert story.only.meter.charge_micros == micros(900)


def test_a_stop_before_its_start_is_the_whole_session() -> None:
    story = Story()
    assert story.tell(later(900, STOP, output_octets=7)) is Effect.ENDED
    assert story.tell(report(START, received_at=NOON + 905, delay_s=905)) is Effect.AFTER_END
    assert story.only.started_at == NOON
    assert story.only.meter.charge_micros == micros(900, 7)


def test_an_overtaken_interim_adds_nothing() -> None:
    story = started()
    story.tell(later(600, output_octets=100))
    assert story.tell(later(300, output_octets=50)) is Effect.REPEATED
    assert story.only.meter.charge_micros == micros(600, 100)


def test_a_repeated_start_counts_no_time() -> None:
    """It has no Acct-Session-Time, and a minute under way is no minute online."""
    story = started()
    assert story.tell(report(START, received_at=NOON + 60)) is Effect.STARTED
    story.tell(later(10, STOP))
    assert story.only.meter.charge_micros == micros(10)


def test_reports_without_a_session_time_count_by_their_instant() -> None:
    story = started()
    story.tell(report(INTERIM, received_at=NOON + 600, output_octets=100))
    assert story.only.session_time_s == 600
    assert story.only.meter.charge_micros == micros(600, 100)


def test_a_stop_with_less_time_than_we_reckoned_still_brings_its_octets() -> None:
    """RFC 2866 wants Acct-Session-Time in a Stop only: an interim was counted by our clock."""
    story = started()
    story.tell(report(INTERIM, received_at=NOON + 601, output_octets=100))
    story.tell(later(600, STOP, output_octets=150))
    assert story.only.meter.charge_micros == micros(601, 150)
    assert story.only.session_time_s == 601


def test_octets_grow_while_time_stands() -> None:
    story = started()
    story.tell(later(600, output_octets=100))
    assert story.tell(later(600, output_octets=130)) is Effect.COUNTED
    assert story.tell(later(600, output_octets=120)) is Effect.REPEATED
    assert story.only.meter.charge_micros == micros(600, 130)


@pytest.mark.parametrize(
    ("line_rate_bps", "counted"),
    [
        pytest.param(1_000_000_000, WORD + 50, id="the line could carry it: a wrap"),
        pytest.param(1_000_000, 1_000 + 50, id="it could not: the NAS began anew"),
    ],
)
def test_a_smaller_counter_is_a_wrap_or_a_reset(line_rate_bps: int, counted: int) -> None:
    story = started(nas=replace(NAS, line_rate_bps=line_rate_bps))
    story.tell(later(600, output_octets=1_000))
    story.tell(later(1_200, output_octets=50))
    assert story.only.output_octets == counted
    story.tell(later(1_800, output_octets=80))
    assert story.only.output_octets == counted + 30
    assert story.only.meter.charge_micros == micros(1_800, counted + 30)


def test_with_gigawords_a_smaller_counter_is_a_reset() -> None:
    story = started()
    story.tell(later(600, output_octets=WORD + 1_000, gigawords=True))
    story.tell(later(1_200, output_octets=200, gigawords=True))
    assert story.only.output_octets == WORD + 1_200


def test_gigawords_that_begin_with_the_first_wrap_are_no_growth_of_a_word() -> None:
    """Many NASes send the attribute only once it is not zero."""
    story = started()
    story.tell(later(600, output_octets=WORD - 100))
    story.tell(later(1_200, output_octets=WORD + 50, gigawords=True))
    assert story.only.output_octets == WORD + 50


def test_each_direction_wraps_by_itself() -> None:
    story = started()
    story.tell(later(600, input_octets=WORD - 1, output_octets=10))
    story.tell(later(1_200, input_octets=0, output_octets=30))
    assert (story.only.input_octets, story.only.output_octets) == (WORD, 30)


def test_an_id_reused_after_a_power_cut_is_a_new_session() -> None:
    story = started()
    story.tell(later(600))
    second_start = report(START, received_at=NOON + 5_000)
    assert story.tell(second_start) is Effect.STARTED
    assert len(story.sessions) == 2
    story.tell(report(STOP, received_at=NOON + 5_100, session_time_s=100))
    assert [s.session_time_s for s in story.sessions] == [600, 100]


@pytest.mark.parametrize("off", [-START_TOLERANCE_S, START_TOLERANCE_S])
def test_a_report_belongs_to_the_start_within_the_tolerance(off: int) -> None:
    story = started()
    told = replace(later(600), received_at=NOON + 600 + off)
    assert place(told, story.sessions, NAS).session is story.only
    beyond = replace(told, received_at=told.received_at + (1 if off > 0 else -1))
    assert place(beyond, story.sessions, NAS).session is None


def test_the_nearest_of_two_starts_wins() -> None:
    story = started()
    story.tell(report(START, received_at=NOON + 121))
    first, second = story.sessions
    assert place(later(30), story.sessions, NAS).session is first
    late = report(INTERIM, received_at=NOON + 170, session_time_s=60)
    assert place(late, story.sessions, NAS).session is second


def test_a_nas_that_corrects_its_clock_keeps_its_session() -> None:
    story = Story()
    an_hour_ago = NOON - 3_600
    story.tell(report(START))
    story.tell(replace(later(600), event_timestamp_at=an_hour_ago + 600))
    assert story.only.session_time_s == 600


def test_a_nas_in_1970_is_placed_by_our_clock() -> None:
    story = Story()
    story.tell(report(START, event_timestamp_at=5))
    story.tell(later(600, STOP, event_timestamp_at=605))
    assert (story.only.started_at, story.only.meter.charge_micros) == (NOON, micros(600))


def test_a_session_older_than_its_service_is_taken_over() -> None:
    """The night of the move: what another server counted is the base line (DESIGN.md, Identity)."""
    twenty_days = 20 * DAY_S
    story = Story(terms=terms(activated_at=NOON))
    told = report(INTERIM, received_at=NOON + 60, session_time_s=twenty_days, output_octets=10**9)
    story.tell(told)
    assert story.only.meter.charge_micros == 0
    story.tell(
        replace(
            told,
            status=STOP,
            received_at=NOON + 160,
            session_time_s=twenty_days + 100,
            output_octets=10**9 + 5,
        )
    )
    assert story.only.meter.charge_micros == micros(100, 5)
    assert story.only.started_at == NOON + 60 - twenty_days


def test_a_session_older_than_adopt_from_is_taken_over_and_a_younger_is_not() -> None:
    nas = NasFacts(timestamp_window_s=DAY_S, line_rate_bps=10**9, adopt_from=NOON, booted_at=None)
    old, young = Story(nas=nas), Story(nas=nas)
    old.tell(report(INTERIM, received_at=NOON + 60, session_time_s=61, output_octets=9))
    young.tell(report(INTERIM, received_at=NOON + 60, session_time_s=60, output_octets=9))
    assert old.only.meter.charge_micros == 0
    assert young.only.meter.charge_micros == micros(60, 9)


def test_a_stop_that_is_taken_over_costs_nothing() -> None:
    story = Story(terms=terms(activated_at=NOON))
    ended = story.tell(report(STOP, session_time_s=9_999, output_octets=10**9))
    assert ended is Effect.ENDED
    assert story.only.meter.charge_micros == 0
    assert story.only.unposted == ()


def test_a_presumed_end_is_corrected_by_what_comes_after() -> None:
    story = started()
    story.tell(later(600, output_octets=100))
    end_when_last_heard(story.only, lsn=10, cause="Silence")
    assert (story.only.ended_at, story.only.presumed) == (NOON + 600, True)

    assert story.tell(later(1_200, output_octets=150)) is Effect.REOPENED
    assert story.only.is_open
    assert not story.only.presumed
    story.tell(later(1_300, STOP, output_octets=160))
    assert story.only.meter.charge_micros == micros(1_300, 160)
    pieces = [
        (made.piece.started_at - NOON, made.piece.ended_at - NOON) for made in story.only.unposted
    ]
    assert pieces == [(0, 600), (600, 1_300)]


def test_a_presumed_end_stands_against_an_older_report() -> None:
    story = started()
    story.tell(later(600))
    end_when_last_heard(story.only, lsn=10, cause="Silence")
    assert story.tell(later(300)) is Effect.AFTER_END
    assert story.only.presumed


def test_a_stop_confirms_a_presumed_end() -> None:
    story = started()
    story.tell(later(600))
    end_when_last_heard(story.only, lsn=10, cause="NAS-Reboot")
    assert story.tell(later(600, STOP, terminate_cause=11)) is Effect.ENDED
    assert not story.only.presumed
    assert story.only.terminate_cause == "Nas-Reboot"
    assert story.only.meter.charge_micros == micros(600)


def test_what_was_true_before_a_boot_ends_with_it_and_what_comes_after_does_not() -> None:
    booted = replace(NAS, booted_at=NOON + 1_000)
    story = started()
    story.nas = booted
    end_when_last_heard(story.only, lsn=10, cause="NAS-Reboot")
    late = report(
        INTERIM, received_at=NOON + 1_010, session_time_s=900, event_timestamp_at=NOON + 900
    )
    assert story.tell(late) is Effect.ENDED
    assert (story.only.presumed, story.only.ended_at) == (True, NOON + 900)
    speaks_again = later(1_100)
    assert story.tell(speaks_again) is Effect.REOPENED
    assert story.only.meter.charge_micros == micros(1_100)


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, ""), (1, "User-Request"), (6, "Admin-Reset"), (11, "Nas-Reboot"), (999, "999")],
)
def test_terminate_causes_have_their_names(number: int, name: str) -> None:
    assert terminate_cause(number) == name


def test_what_a_nas_does_not_repeat_is_kept() -> None:
    story = Story()
    story.tell(report(START, nas_port="7", calling_station_id=b"line", user_name=b"Anna"))
    story.tell(later(60, framed_address="192.0.2.7", nas_port="8"))
    story.tell(later(90))
    session = story.only
    assert (session.nas_port, session.framed_address) == ("8", "192.0.2.7")
    assert (session.calling_station_id, session.user_name) == (b"line", b"Anna")


def test_a_class_of_another_server_is_kept_and_our_own_is_not() -> None:
    """Ours names the account and the service, which the session has."""
    story = Story()
    story.tell(report(START, class_=make_class(b"key", account_id=10, service_id=20)))
    assert story.only.class_ == b""
    story.tell(later(60, class_=b"group=staff"))
    assert story.only.class_ == b"group=staff"


def test_a_stop_that_cannot_be_priced_ends_its_session() -> None:
    """What it counts is for suspense, but it is the last word of the NAS."""
    story = started()
    with pytest.raises(RatingError):
        story.tell(later(60, STOP, output_octets=1 << 63, gigawords=True))
    session = story.only
    assert (session.is_open, session.ended_at) == (False, NOON)
    assert session.terminate_cause == ""
