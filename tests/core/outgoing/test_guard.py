"""Which URLs and addresses may be asked on behalf of a user."""

import socket
import threading

import pytest

from core.errors import InputError, TransientError
from core.outgoing import Guard
from core.outgoing.addresses import is_public, networks, parse
from core.settings import Settings
from tests.services.process import LONG_S

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
OURS = [
    "127.0.0.1",
    "127.255.0.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "5f00::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_asked(address):
    assert is_public(parse(address))


@pytest.mark.parametrize("address", OURS)
def test_what_is_not_public_may_not(address):
    assert not is_public(parse(address))
    with pytest.raises(InputError) as caught:
        Guard(resolve=lambda _: ["8.8.8.8", address]).addresses(Guard().url("https://two.example/"), seconds=5)
    assert caught.value.code == "url_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/a.mp4",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "//example.com/",
        "https://user:secret@example.com/",
        "https://example.com\\@127.0.0.1/",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com:99999/",
        "https://[::1/",
        # Names that no resolver is asked for.
        "https://a..example/",
        "https://" + "a" * 64 + ".example/",
        "https://xn--/",
        "https://example.com/" + "a" * 2048,
        # A host written as a number, in every way that a resolver reads.
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:a9fe:a9fe]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://１２７.0.0.1/",
        "https://8.8.8.8:25/",
    ],
)
def test_addresses_are_refused_before_anything_is_sent(url):
    with pytest.raises(InputError) as caught:
        Guard().url(url)
    assert caught.value.code == "url_refused"


def test_what_the_settings_allow_may_be_asked():
    guard = Guard(http=True, allow=networks("127.0.0.0/8, ::1"))
    assert str(guard.url("http://127.0.0.1:22/a")) == "http://127.0.0.1:22/a"
    assert guard.addresses(guard.url("http://[::ffff:127.0.0.1]/"), seconds=5)
    with pytest.raises(InputError):
        guard.url("http://10.0.0.1/")
    with pytest.raises(ValueError, match="does not appear to be"):
        Settings(outgoing_allow="everything")


def test_a_host_that_does_not_exist_is_the_users_error_and_silence_is_not():
    def unknown(_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    url = Guard().url("https://nowhere.invalid/")
    with pytest.raises(InputError) as caught:
        Guard(resolve=unknown).addresses(url, seconds=5)
    assert caught.value.code == "url_unreachable"
    over = threading.Event()
    with pytest.raises(TransientError) as slow:
        Guard(resolve=lambda _: over.wait(LONG_S) and ["8.8.8.8"]).addresses(url, seconds=0.05)
    over.set()
    assert slow.value.code == "url_unreachable"
