//! The one module that knows the XML library: events out of a stream, within bounds.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use mikron_package::{LimitExceeded, Limits, Origin};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::{RepomdError, RepomdErrorKind};

/// How deep elements may stand in each other. `primary.xml` takes five.
const MAX_DEPTH: usize = 32;

/// How many attributes an element may have. `rpm:entry` has six.
const MAX_ATTRIBUTES: usize = 32;

/// What comes next in a document. Empty elements come as an opening and a closing.
pub(super) enum Step<'a> {
    /// An element begins.
    Open(Tag<'a>),
    /// An element ends.
    Close,
    /// Text, or a piece of it.
    Text(Cow<'a, str>),
    /// The document ends.
    End,
}

/// The beginning of an element. Prefixes of namespaces are left out of names: metadata of rpm use one name in one meaning.
pub(super) struct Tag<'a> {
    start: BytesStart<'a>,
    /// How deep it stands; 1 is the root.
    pub(super) depth: usize,
}

impl Tag<'_> {
    pub(super) fn name(&self) -> &str {
        self.start.local_name().into_inner()
    }

    /// Hands all attributes to `each`, by name with prefix and by value.
    pub(super) fn attributes<'t>(
        &'t self,
        mut each: impl FnMut(&'t str, Cow<'t, str>) -> Result<(), RepomdErrorKind>,
    ) -> Result<(), RepomdErrorKind> {
        // Hardly any element has more; what goes beyond lies on the heap.
        let mut seen = [""; 8];
        let mut more = Vec::new();
        let mut attributes = self.start.attributes();
        for (count, attribute) in attributes.with_checks(false).enumerate() {
            let attribute = attribute.map_err(|e| RepomdErrorKind::Syntax(e.to_string()))?;
            let key = attribute.key.into_inner();
            if count == MAX_ATTRIBUTES {
                return Err(RepomdErrorKind::Attributes(MAX_ATTRIBUTES));
            }
            if seen[..count.min(seen.len())].contains(&key) || more.contains(&key) {
                return Err(RepomdErrorKind::DuplicateAttribute(key.to_owned()));
            }
            match seen.get_mut(count) {
                Some(place) => *place = key,
                None => more.push(key),
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| syntax(&error))?;
            each(key, value)?;
        }
        Ok(())
    }

    /// One attribute by name with prefix.
    pub(super) fn attribute(&self, name: &str) -> Result<Option<String>, RepomdErrorKind> {
        let mut found = None;
        self.attributes(|key, value| {
            if key == name {
                found = Some(value.into_owned());
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Where the events of a document come from.
pub trait XmlSource: sealed::Sealed {
    /// The next event.
    #[doc(hidden)]
    fn next_event(&mut self) -> Result<Event<'_>, quick_xml::Error>;

    /// Offset in bytes behind the last event.
    #[doc(hidden)]
    fn position(&self) -> u64;
}

mod sealed {
    /// Only the streams and texts of this module are sources.
    pub trait Sealed {}
}

/// A document as it comes.
pub struct XmlStream<R> {
    reader: Reader<Bounded<R>>,
    buffer: Vec<u8>,
}

impl<R: BufRead> XmlStream<R> {
    fn new(input: R, limits: &Limits) -> Self {
        let mut reader = Reader::from_reader(Bounded {
            input,
            taken: 0,
            allowed: limits.field,
        });
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
        }
    }
}

impl<R> sealed::Sealed for XmlStream<R> {}

impl<R: BufRead> XmlSource for XmlStream<R> {
    fn next_event(&mut self) -> Result<Event<'_>, quick_xml::Error> {
        self.buffer.clear();
        self.reader.get_mut().taken = 0;
        self.reader.read_event_into(&mut self.buffer)
    }

    fn position(&self) -> u64 {
        self.reader.buffer_position()
    }
}

/// A document in memory: nothing of it is copied.
pub struct XmlText<'t> {
    reader: Reader<&'t [u8]>,
    allowed: u64,
}

impl<'t> XmlText<'t> {
    fn new(text: &'t [u8], limits: &Limits) -> Self {
        let mut reader = Reader::from_reader(text);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            allowed: limits.field,
        }
    }
}

impl sealed::Sealed for XmlText<'_> {}

impl XmlSource for XmlText<'_> {
    fn next_event(&mut self) -> Result<Event<'_>, quick_xml::Error> {
        let before = self.position();
        let event = self.reader.read_event()?;
        let taken = self.reader.buffer_position() - before;
        let within = LimitExceeded::check("field", taken, self.allowed);
        within.map_err(|error| quick_xml::Error::from(io::Error::other(error)))?;
        Ok(event)
    }

    fn position(&self) -> u64 {
        self.reader.buffer_position()
    }
}

/// Reads a document step by step.
pub(super) struct XmlReader<S> {
    source: S,
    depth: usize,
    root: &'static str,
    origin: Origin,
    total: u64,
    ended: bool,
}

impl<R: BufRead> XmlReader<XmlStream<R>> {
    /// A reader of a document whose root element is `root`.
    pub(super) fn new(input: R, limits: &Limits, origin: &Origin, root: &'static str) -> Self {
        Self::of(XmlStream::new(input, limits), limits, origin, root)
    }
}

impl<'t> XmlReader<XmlText<'t>> {
    /// The same of a document in memory.
    pub(super) fn of_text(
        text: &'t [u8],
        limits: &Limits,
        origin: &Origin,
        root: &'static str,
    ) -> Self {
        Self::of(XmlText::new(text, limits), limits, origin, root)
    }
}

impl<S: XmlSource> XmlReader<S> {
    fn of(source: S, limits: &Limits, origin: &Origin, root: &'static str) -> Self {
        Self {
            source,
            depth: 0,
            root,
            origin: origin.clone(),
            total: limits.index_unpacked,
            ended: false,
        }
    }

    /// Offset in bytes behind the last step.
    pub(super) fn position(&self) -> u64 {
        self.source.position()
    }

    /// An error at the place of the last step.
    pub(super) fn fault(&self, kind: impl Into<RepomdErrorKind>) -> RepomdError {
        RepomdError::new(kind, &self.origin, self.position())
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Result<Step<'_>, RepomdError> {
        let offset = self.source.position();
        let read = self.source.next_event();
        let state = State {
            depth: &mut self.depth,
            root: self.root,
            ended: &mut self.ended,
        };
        let step = LimitExceeded::check("index_unpacked", offset, self.total)
            .map_err(RepomdErrorKind::from)
            .and_then(|()| read.map_err(|error| syntax(&error)))
            .and_then(|event| state.step(event));
        step.map_err(|kind| RepomdError::new(kind, &self.origin, offset))
    }
}

struct State<'s> {
    depth: &'s mut usize,
    root: &'static str,
    ended: &'s mut bool,
}

impl State<'_> {
    fn step(self, event: Event<'_>) -> Result<Step<'_>, RepomdErrorKind> {
        Ok(match event {
            Event::Start(start) | Event::Empty(start) => {
                *self.depth += 1;
                if *self.depth > MAX_DEPTH {
                    return Err(RepomdErrorKind::Depth(MAX_DEPTH));
                }
                let tag = Tag {
                    start,
                    depth: *self.depth,
                };
                if tag.depth == 1 && (*self.ended || tag.name() != self.root) {
                    return Err(RepomdErrorKind::Document {
                        found: tag.name().chars().take(100).collect(),
                        expected: self.root,
                    });
                }
                Step::Open(tag)
            }
            Event::End(_) => {
                // The library matches names; a closing without an opening is its error.
                *self.depth = self.depth.saturating_sub(1);
                *self.ended |= *self.depth == 0;
                Step::Close
            }
            Event::Text(text) => Step::Text(text.into_inner()),
            Event::CData(text) => Step::Text(text.into_inner()),
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| syntax(&error))?;
                let text = match (character, &*reference.into_inner()) {
                    (Some(character), _) => Cow::Owned(character.to_string()),
                    (None, "amp") => Cow::Borrowed("&"),
                    (None, "lt") => Cow::Borrowed("<"),
                    (None, "gt") => Cow::Borrowed(">"),
                    (None, "quot") => Cow::Borrowed("\""),
                    (None, "apos") => Cow::Borrowed("'"),
                    (None, other) => {
                        return Err(RepomdErrorKind::Entity(other.chars().take(100).collect()));
                    }
                };
                Step::Text(text)
            }
            Event::DocType(_) => return Err(RepomdErrorKind::DocumentType),
            Event::Decl(decl) => {
                let encoding = decl.encoding().transpose();
                let encoding = encoding.map_err(|e| RepomdErrorKind::Syntax(e.to_string()))?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(RepomdErrorKind::NotUtf8);
                }
                Step::Text(Cow::Borrowed(""))
            }
            Event::Comment(_) | Event::PI(_) => Step::Text(Cow::Borrowed("")),
            Event::Eof if *self.ended => Step::End,
            Event::Eof if *self.depth == 0 => return Err(RepomdErrorKind::Missing(self.root)),
            Event::Eof => {
                return Err(RepomdErrorKind::Syntax(
                    "the document is cut off".to_owned(),
                ));
            }
        })
    }
}

fn syntax(error: &quick_xml::Error) -> RepomdErrorKind {
    use quick_xml::escape::EscapeError;
    match error {
        quick_xml::Error::Io(error) => error.clone().into(),
        quick_xml::Error::Encoding(_) => RepomdErrorKind::NotUtf8,
        quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(_, name)) => {
            RepomdErrorKind::Entity(name.chars().take(100).collect())
        }
        other => RepomdErrorKind::Syntax(other.to_string()),
    }
}

/// A reader that gives out no more than so many bytes for one step: an element, or a run of text.
struct Bounded<R> {
    input: R,
    taken: u64,
    allowed: u64,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(buffer)?;
        self.consume(n);
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        LimitExceeded::check("field", self.taken, self.allowed).map_err(io::Error::other)?;
        // One byte more than is allowed makes the next call fail.
        let left = usize::try_from(self.allowed - self.taken).unwrap_or(usize::MAX);
        let buffer = self.input.fill_buf()?;
        Ok(&buffer[..buffer.len().min(left.saturating_add(1))])
    }

    fn consume(&mut self, amount: usize) {
        self.taken += amount as u64;
        self.input.consume(amount);
    }
}
