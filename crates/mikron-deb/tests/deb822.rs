//! Stanzas are read from a stream, and what is wrong is told with line and byte.

use std::io::Read;

use mikron_deb::{Deb822Error, Deb822ErrorKind, StanzaReader};
use mikron_package::Limits;

/// Hands out one byte at a time.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

type Fields = Vec<(String, String)>;

fn read_from(input: impl Read, limits: &Limits) -> Result<Vec<Fields>, Deb822Error> {
    let mut reader = StanzaReader::new(input, limits);
    let mut stanzas = Vec::new();
    while let Some(stanza) = reader.next_stanza()? {
        let fields = stanza
            .fields()
            .map(|f| f.map(|f| (f.name.to_owned(), f.unfolded().into_owned())));
        stanzas.push(fields.collect::<Result<_, _>>()?);
    }
    Ok(stanzas)
}

fn read(text: &str) -> Result<Vec<Fields>, Deb822Error> {
    read_from(text.as_bytes(), &Limits::default())
}

fn fields(of: &[(&str, &str)]) -> Fields {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn blank_lines_separate_stanzas_and_count_for_nothing_else() {
    let stanzas = read("\n\nA: 1\nB: 2\n\n\n\nC: 3").unwrap();
    assert_eq!(
        stanzas,
        [fields(&[("A", "1"), ("B", "2")]), fields(&[("C", "3")])]
    );
    assert_eq!(read("").unwrap(), Vec::<Fields>::new());
    assert_eq!(read("\n\n\r\n").unwrap(), Vec::<Fields>::new());
}

#[test]
fn folded_lines_belong_to_the_field_before() {
    let stanzas =
        read("Depends: a,\n b,\n\tc\nDescription: short\n long\n .\n  more\nLast:\n x\n").unwrap();
    let expected = fields(&[
        ("Depends", "a,\nb,\nc"),
        ("Description", "short\nlong\n.\n more"),
        ("Last", "x"),
    ]);
    assert_eq!(stanzas, [expected]);
}

#[test]
fn carriage_returns_are_white_space() {
    assert_eq!(read("A: 1\r\nB: 2\r\n\r\nC: 3\r\n").unwrap().len(), 2);
}

#[test]
fn it_does_not_matter_how_the_bytes_arrive() {
    let text = "\n\nA: 1\n two\n\n\r\nB: 2\n\n\nC: 3\n";
    let slow = read_from(Dribble(text.as_bytes()), &Limits::default()).unwrap();
    assert_eq!(slow, read(text).unwrap());
    assert_eq!(slow.len(), 3);
}

#[test]
fn comments_are_only_skipped_where_they_are_expected() {
    let text = b"# one\nA: 1\n# two\n 2\n# three\nB: 3\n";
    let mut reader = StanzaReader::new(&text[..], &Limits::default()).with_comments();
    let stanza = reader.next_stanza().unwrap().unwrap();
    let found: Vec<_> = stanza
        .fields()
        .map(|f| f.unwrap().unfolded().into_owned())
        .collect();
    assert_eq!(found, ["1\n2", "3"]);
    let error = read("# one: x\nA: 1\n").unwrap_err();
    assert!(
        matches!(error.kind, Deb822ErrorKind::FieldName(_)),
        "{error}"
    );
}

#[test]
fn malformed_lines_are_told_with_line_and_byte() {
    let cases: [(&str, &str, u64, u64); 6] = [
        (
            "A: 1\n\nB: 2\nno colon\n",
            "`no colon` is not a field: it has no colon",
            4,
            11,
        ),
        (" A: 1\n", "a stanza begins with a continuation line", 1, 0),
        (
            "A: 1\n \nB: 2\n",
            "A: the value has a line of nothing but white space",
            2,
            5,
        ),
        (": 1\n", "`` is not a field name", 1, 0),
        ("-A: 1\n", "`-A` is not a field name", 1, 0),
        ("A b: 1\n", "`A b` is not a field name", 1, 0),
    ];
    for (text, message, line, byte) in cases {
        let error = read(text).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{message} (line {line}, byte {byte})")
        );
    }
}

#[test]
fn a_field_over_the_limit_is_refused_before_it_is_held() {
    let limits = Limits {
        field: 1 << 20,
        ..Limits::default()
    };
    // Endless: only the limit can end it.
    let endless = b"A: 1\n\nB: ".chain(std::io::repeat(b'x'));
    let error = read_from(endless, &limits).unwrap_err();
    let Deb822ErrorKind::Limit(limit) = &error.kind else {
        panic!("{error}")
    };
    assert_eq!(
        (limit.limit, error.place.line, error.place.offset),
        ("field", 3, 6)
    );
}

#[test]
fn a_stanza_over_the_limit_is_refused() {
    let limits = Limits {
        control: 1000,
        ..Limits::default()
    };
    let text = (0..200).fold(String::new(), |text, n| format!("{text}Field-{n}: value\n"));
    let error = read_from(text.as_bytes(), &limits).unwrap_err();
    assert!(
        matches!(&error.kind, Deb822ErrorKind::Limit(limit) if limit.limit == "control"),
        "{error}"
    );
}

#[test]
fn a_failing_reader_is_an_error_with_its_place() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let error = read_from(b"A: 1\n".chain(Broken), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
}

#[test]
fn an_error_survives_its_way_through_an_i_o_error() {
    let error = read("no colon\n").unwrap_err();
    let again = Deb822Error::from_io(error.clone().into_io());
    assert_eq!(again.to_string(), error.to_string());
    let other = Deb822Error::from_io(std::io::Error::other("gone"));
    assert!(matches!(other.kind, Deb822ErrorKind::Io(_)), "{other}");
}
