//! Images of the battery with a command each: whole, and with a hole made on purpose.

/// A spec of `docs/examples`, what is added to it, and what is run in it; nothing for what the image starts.
pub(crate) struct Case {
    pub(crate) spec: &'static str,
    /// A line that makes a hole; empty for an image that is whole.
    pub(crate) hole: &'static str,
    pub(crate) command: &'static [&'static str],
}

const fn whole(spec: &'static str, command: &'static [&'static str]) -> Case {
    hole(spec, "", command)
}

const fn hole(spec: &'static str, hole: &'static str, command: &'static [&'static str]) -> Case {
    Case {
        spec,
        hole,
        command,
    }
}

const ZONE: &str = "import zoneinfo; print(zoneinfo.ZoneInfo('Europe/Berlin'))";
const TERMINAL: &str = "import curses; curses.setupterm('xterm'); print(curses.tigetnum('colors'))";
const YAML: &str = "require 'yaml'; puts [1].to_yaml, OpenSSL::Digest::SHA256.hexdigest('x')";
const SORTED: &str = "printf 'b\\na\\n' | sort | sed s/a/b/ | wc -m; date -d 2026-01-01 +%F";
const DRAWN: &[&str] = &[
    "/usr/bin/convert-im6.q16",
    "-size",
    "4x4",
    "xc:red",
    "/desk/a.png",
];

/// Images that lack nothing.
pub(crate) const WHOLE: [Case; 10] = [
    whole("nginx", &[]),
    whole("redis", &[]),
    whole("haproxy", &[]),
    whole("nodejs", &[]),
    whole("python3", &["/usr/bin/python3", "-c", ZONE]),
    whole(
        "perl",
        &[
            "/usr/bin/perl",
            "-MPOSIX",
            "-MJSON",
            "-e",
            "print encode_json([strftime('%F', gmtime)])",
        ],
    ),
    whole("ruby", &["/usr/bin/ruby", "-ropenssl", "-e", YAML]),
    whole("git", &["/usr/bin/git", "init", "/desk/r"]),
    whole("imagemagick", DRAWN),
    whole("bash", &["/bin/bash", "-c", SORTED]),
];

/// Images with holes that the proof cannot see.
pub(crate) const HOLES: [Case; 10] = [
    hole(
        "python3",
        "remove: [\"/usr/lib/python3*/json/**\"]",
        &["/usr/bin/python3", "-c", "import json"],
    ),
    hole(
        "python3",
        "remove: [\"/usr/lib/python3*/encodings/idna.py\"]",
        &["/usr/bin/python3", "-c", "'ä'.encode('idna')"],
    ),
    hole(
        "python3",
        "without: [time-zones]",
        &["/usr/bin/python3", "-c", ZONE],
    ),
    hole(
        "python3",
        "without: [terminfo]",
        &["/usr/bin/python3", "-c", TERMINAL],
    ),
    hole(
        "perl",
        "remove: [\"/usr/share/perl/*/Text/Balanced.pm\"]",
        &["/usr/bin/perl", "-MText::Balanced", "-e", "print 1"],
    ),
    hole(
        "ruby",
        "remove: [\"/usr/lib/ruby/*/erb.rb\"]",
        &[
            "/usr/bin/ruby",
            "-rerb",
            "-e",
            "puts ERB.new('<%= 1 %>').result",
        ],
    ),
    hole(
        "git",
        "remove: [\"/usr/share/git-core/templates/**\"]",
        &["/usr/bin/git", "init", "/desk/r"],
    ),
    hole(
        "imagemagick",
        "remove: [\"/usr/lib/*/ImageMagick-*/modules-*/coders/png.*\"]",
        DRAWN,
    ),
    hole(
        "nginx",
        "remove: [/etc/nginx/mime.types]",
        &["/usr/sbin/nginx", "-t"],
    ),
    hole(
        "bash",
        "remove: [/usr/bin/sort]",
        &["/bin/bash", "-c", SORTED],
    ),
];
