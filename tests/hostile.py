"""Values that mean something to a shell, for the tests of what it is given."""

HOSTILE = [
    b"'", b'"', b"\\", b"\\\\", b"'\\'", b"$(touch sprung)", b"`touch sprung`", b"${HOME}", b"$HOME", b"a\nb", b"\n",
    b"a\rb", "\u2019\u2018".encode(), b"100%n", b"%(61V.x.)", b"\x1b]0;title\x07", b"!!", b"!history", b"*", b"~", b" ",
    b"a b", b"", b";", b";touch sprung;", b"#", b"-n", b"--", b"=", b"\t", b"{a,b}", b"(", "é".encode(), "🚒".encode(),
    b"\x7f", b"\xff\xfe", b"''", b"a'", b"\\'", b"\\n", b"^M", b"\\134", b"\\x27", b"%27", b"%%", b"\xa5",
    b"\x81\\';touch sprung;'", b'\x81\\";touch sprung;"', b"\x81'", b"\x81`touch sprung`", b"\x95\\", b"\xfc|",
    b"\xa2\xcc\xa2\xce\xa1\xc3", b"\x81\x30\x81\x30", b"\x8f\xa2\xb7", b"\x8e\xdf", b"\x80", b"\xa0", b"\xfd",
]  # fmt: skip
