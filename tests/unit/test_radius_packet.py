"""One request from end to end through the codec's one door."""

from aaad.radius import packet as codec
from aaad.radius.codes import Code


def test_a_request_goes_out_and_its_reply_comes_back() -> None:
    secret = codec.Secret(b"testing123")
    sent = codec.encode_request(Code.ACCESS_REQUEST, 1, b"\1\5bob", secret)
    received = codec.decode(sent)
    assert isinstance(received, codec.Packet)
    codec.verify_request(received, secret, require_message_authenticator=True)
    reply = codec.encode_reply(received, Code.ACCESS_ACCEPT, b"\x12\4hi", secret)
    assert codec.verify_response(reply, sent, secret).get(18) == b"hi"
