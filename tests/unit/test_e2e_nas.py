"""Proves that the NAS of the end-to-end tests judges right: by pyrad, by radclient's RFC vectors,
by forgeries.

The end-to-end tests trust this NAS's verdict on the daemon, so its own signatures are checked
against pyrad and the worked examples of RFC 2865 section 7.
"""

from __future__ import annotations

import io
import socket
import threading

import pytest
from pyrad import packet as pyrad_packet
from pyrad.dictionary import Dictionary

from tests.e2e import wire
from tests.e2e.nas import Behaviour, DynauthListener, Nas, NoAnswerError
from tests.e2e.pyrad_nas import DICTIONARY, PyradNas
from tests.e2e.wire import Attribute, Code, Status

SECRET = b"a secret of the tests"
SESSION = wire.attribute(Attribute.ACCT_SESSION_ID, "00000001")


def test_password_is_hidden_as_in_rfc_2865_section_7_1():
    authenticator = bytes.fromhex("0f403f9473978057bd83d5cb98f4227a")
    hidden = wire.hide_password(b"arctangent", authenticator=authenticator, secret=b"xyzzy5461")
    assert hidden.hex() == "0dbe708d93d413ce3196e43f782a0aee"


def test_chap_password_is_that_of_rfc_2865_section_7_2():
    challenge = bytes.fromhex("2aee86f08d0d55969ca5978e0d3367a2")
    value = wire.chap_password(b"arctangent", chap_id=0x16, challenge=challenge)
    assert value.hex() == "16e97557c316185895f293ff6344077275"


def test_pyrad_finds_the_access_request_authentic():
    authenticator = bytes(range(16))
    body = wire.attribute(Attribute.USER_NAME, "anna")
    data = wire.sign_request(Code.ACCESS_REQUEST, 9, authenticator, body, SECRET)
    theirs = pyrad_packet.AuthPacket(packet=data, secret=SECRET, dict=_dictionary())
    assert theirs.verify_message_authenticator()
    assert theirs["User-Name"] == ["anna"]


def test_pyrad_finds_the_report_authentic():
    data = wire.sign_accounting(Code.ACCOUNTING_REQUEST, 3, SESSION, SECRET)
    theirs = pyrad_packet.AcctPacket(packet=data, secret=SECRET, dict=_dictionary())
    assert theirs.VerifyAcctRequest()


def test_reply_of_pyrad_passes_and_a_changed_one_does_not():
    request = wire.sign_accounting(Code.ACCOUNTING_REQUEST, 3, SESSION, SECRET)
    theirs = pyrad_packet.AcctPacket(packet=request, secret=SECRET, dict=_dictionary())
    reply = theirs.CreateReply().ReplyPacket()
    assert wire.check_reply(reply, request=request, secret=SECRET).code == Code.ACCOUNTING_RESPONSE
    with pytest.raises(wire.WrongPacketError, match="Response Authenticator"):
        wire.check_reply(reply, request=request, secret=b"another")
    with pytest.raises(wire.WrongPacketError, match="identifier"):
        wire.check_reply(reply, request=request[:1] + b"\x04" + request[2:], secret=SECRET)


def test_accept_without_message_authenticator_is_refused():
    request = wire.sign_request(Code.ACCESS_REQUEST, 1, bytes(16), b"", SECRET)
    bare = wire.sign_reply(Code.ACCESS_ACCEPT, request, b"", SECRET)
    with pytest.raises(wire.WrongPacketError, match="Message-Authenticator"):
        wire.check_reply(bare, request=request, secret=SECRET)


@pytest.mark.parametrize("octets", ["2c", "2c01", "2c0b41"])
def test_attribute_that_overruns_is_refused(octets):
    data = wire.header(Code.ACCOUNTING_RESPONSE, 1, bytes(16), bytes.fromhex(octets))
    with pytest.raises(wire.WrongPacketError, match="overruns"):
        wire.parse(data)


def test_report_carries_its_facts():
    with _nas() as nas:
        request = nas.accounting_request(
            Status.STOP, "s1", login="anna", session_time=60, input_octets=(7 << 32) + 5, delay=2
        )
    packet = wire.parse(request)
    assert packet.integer(Attribute.ACCT_STATUS_TYPE) == Status.STOP
    assert packet.integer(Attribute.ACCT_SESSION_TIME) == 60
    assert packet.integer(Attribute.ACCT_INPUT_OCTETS) == 5
    assert packet.integer(Attribute.ACCT_INPUT_GIGAWORDS) == 7
    assert packet.all(Attribute.ACCT_OUTPUT_OCTETS) == []
    assert packet.integer(Attribute.ACCT_DELAY_TIME) == 2
    assert packet.text(Attribute.NAS_IDENTIFIER) == "nas-1"


def test_silence_is_an_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        with _nas(accounting=deaf.getsockname()) as nas, pytest.raises(NoAnswerError):
            nas.exchange(nas.accounting_request(Status.START, "s1"), nas.accounting, tries=1)


def test_unanswered_report_goes_out_again_byte_equal():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf_once:
        deaf_once.bind(("127.0.0.1", 0))
        received = []

        def answer_the_second() -> None:
            received.append(deaf_once.recv(4096))
            data, peer = deaf_once.recvfrom(4096)
            received.append(data)
            deaf_once.sendto(wire.sign_reply(Code.ACCOUNTING_RESPONSE, data, b"", SECRET), peer)

        thread = threading.Thread(target=answer_the_second)
        thread.start()
        with _nas(accounting=deaf_once.getsockname()) as nas:
            nas.report(Status.START, "s1", login="anna")
        thread.join()
    assert received[0] == received[1]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [(Behaviour.ACK, Code.DISCONNECT_ACK), (Behaviour.NAK, Code.DISCONNECT_NAK)],
)
def test_listener_answers_an_order(behaviour, code):
    order = wire.sign_accounting(Code.DISCONNECT_REQUEST, 5, SESSION, SECRET)
    with DynauthListener(SECRET).serving() as listener:
        listener.behaviour = behaviour
        reply = wire.check_reply(_ask(order, listener.port), request=order, secret=SECRET)
        assert reply.code == code
        assert listener.wait_for_orders(1)[0].text(Attribute.ACCT_SESSION_ID) == "00000001"


def test_forged_answer_is_not_authentic_and_forged_order_is_not_taken():
    order = wire.sign_accounting(Code.DISCONNECT_REQUEST, 5, SESSION, SECRET)
    with DynauthListener(SECRET).serving() as listener:
        listener.behaviour = Behaviour.FORGE
        reply = _ask(order, listener.port)
        with pytest.raises(wire.WrongPacketError):
            wire.check_reply(reply, request=order, secret=SECRET)
        forged = wire.sign_accounting(Code.DISCONNECT_REQUEST, 6, SESSION, b"another")
        _ask(forged, listener.port, then=order)
        assert listener.wrong == ["wrong Request Authenticator"]


@pytest.mark.parametrize(
    ("answer", "code"), [("ack", Code.DISCONNECT_ACK), ("nak", Code.DISCONNECT_NAK)]
)
def test_pyrad_nas_takes_the_order(tmp_path, answer, code):
    order = wire.sign_accounting(Code.DISCONNECT_REQUEST, 5, SESSION, SECRET)
    with PyradNas(tmp_path, secret=SECRET, answer=answer) as nas:
        reply = wire.check_reply(_ask(order, nas.port), request=order, secret=SECRET)
        assert reply.code == code
        assert nas.wait_for_disconnect()["Acct-Session-Id"] == ["00000001"]


def _ask(data: bytes, port: int, *, then: bytes = b"") -> bytes:
    """Send and wait for the answer; `then` follows when the first will stay unanswered."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.sendto(data, ("127.0.0.1", port))
        if then:
            client.sendto(then, ("127.0.0.1", port))
        return client.recv(4096)


def _nas(accounting: tuple[str, int] = ("127.0.0.1", 9)) -> Nas:
    return Nas(authentication=("127.0.0.1", 9), accounting=accounting, secret=SECRET)


def _dictionary() -> Dictionary:
    return Dictionary(io.StringIO(DICTIONARY))
