//! Globs of `contents`: `?`, `*` and `**`, and nothing else.

/// A glob in chisel's language. `?` is one character but `/`, `*` any run of characters but `/`, `**` any run of characters.
/// All others stand for themselves: there are no sets and no escapes.
///
/// What is matched is the path as the archive lists it: absolute, with a `/` at the end for a directory. So `/etc/*` takes
/// the files in `/etc` and `/etc/` itself, but no directory in it.
///
/// ```
/// use mikron_slices::Glob;
/// let glob = Glob::new("/usr/lib/*-linux-*/libssl.so.*");
/// assert!(glob.matches(b"/usr/lib/x86_64-linux-gnu/libssl.so.3"));
/// assert!(!glob.matches(b"/usr/lib/x86_64-linux-gnu/engines-3/libssl.so.3"));
/// assert!(Glob::new("/etc/**").matches(b"/etc/ssl/certs/"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    tokens: Vec<Token>,
    /// Length in bytes of what stands before the first wildcard.
    literal: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    /// `?`
    One,
    /// `*`
    Run,
    /// `**`
    Any,
}

impl Glob {
    /// Reads a glob; every text is one.
    pub fn new(text: &str) -> Self {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            let (token, length) = match first {
                b'*' if after.first() == Some(&b'*') => (Token::Any, 2),
                b'*' => (Token::Run, 1),
                b'?' => (Token::One, 1),
                byte => (Token::Byte(*byte), 1),
            };
            tokens.push(token);
            rest = &rest[length..];
        }
        Self {
            text: text.to_owned(),
            tokens,
            literal: text.find(['*', '?']).unwrap_or(text.len()),
        }
    }

    /// Whether a text has wildcards at all.
    pub(crate) fn is_glob(text: &str) -> bool {
        text.contains(['*', '?'])
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the first wildcard: every match begins with it.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.text[..self.literal]
    }

    /// Whether the whole of `path` matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        if !path.starts_with(self.literal_prefix().as_bytes()) {
            return false;
        }
        let (mut t, mut p) = (self.literal, self.literal);
        // Where to go on when a token does not fit: after the last `*`, else after the last `**`. Earlier ones cannot help:
        // a `**` could have taken all that they gave up, and a `*` ends at the same `/` as those before it.
        let mut run: Option<(usize, usize)> = None;
        let mut any: Option<(usize, usize)> = None;
        loop {
            let fits = match self.tokens.get(t) {
                None if p == path.len() => return true,
                None => 0,
                Some(Token::Any) => {
                    t += 1;
                    (any, run) = (Some((t, p)), None);
                    continue;
                }
                Some(Token::Run) => {
                    t += 1;
                    run = Some((t, p));
                    continue;
                }
                Some(Token::One) => one(&path[p..]),
                Some(Token::Byte(byte)) => usize::from(path.get(p) == Some(byte)),
            };
            if fits > 0 {
                t += 1;
                p += fits;
                continue;
            }
            let longer = run.filter(|(_, at)| path.get(*at).is_some_and(|b| *b != b'/'));
            if let Some((after, at)) = longer {
                run = Some((after, at + 1));
                (t, p) = (after, at + 1);
            } else if let Some((after, at)) = any.filter(|(_, at)| *at < path.len()) {
                (any, run) = (Some((after, at + 1)), None);
                (t, p) = (after, at + 1);
            } else {
                return false;
            }
        }
    }

    /// Whether some path matches both globs. This is how two definitions are held against each other before any package is
    /// read; a path without wildcards is a glob that matches itself.
    ///
    /// ```
    /// use mikron_slices::Glob;
    /// assert!(Glob::new("/usr/lib/**").meets(&Glob::new("/usr/*/x/y")));
    /// assert!(!Glob::new("/usr/lib/*").meets(&Glob::new("/usr/lib/x/y")));
    /// ```
    pub fn meets(&self, other: &Self) -> bool {
        let (a, b) = (self.literal_prefix(), other.literal_prefix());
        let shorter = a.len().min(b.len());
        if a.as_bytes()[..shorter] != b.as_bytes()[..shorter] {
            return false;
        }
        // Two wildcards hardly ever meet, and mostly it shows at once. Without `**` every component stands for itself, the
        // last one telling most.
        let spans = |glob: &Self| glob.tokens.contains(&Token::Any);
        if spans(self) || spans(other) {
            return meet(&self.tokens, &other.tokens);
        }
        let slash = |token: &Token| *token == Token::Byte(b'/');
        let mut mine = self.tokens.rsplit(slash);
        let mut others = other.tokens.rsplit(slash);
        loop {
            match (mine.next(), others.next()) {
                (None, None) => return true,
                (Some(mine), Some(others)) if mine == others || meet(mine, others) => {}
                _ => return false,
            }
        }
    }
}

/// Whether some text matches both patterns.
fn meet(a: &[Token], b: &[Token]) -> bool {
    // What stands before the first wildcard and behind the last one on both sides has to be the same.
    let clash =
        |pair: &(&Token, &Token)| !matches!(pair, (Token::Byte(a), Token::Byte(b)) if a == b);
    let literal =
        |pair: Option<(&Token, &Token)>| matches!(pair, Some((Token::Byte(_), Token::Byte(_))));
    let front = a.iter().zip(b).find(clash);
    let back = a.iter().rev().zip(b.iter().rev()).find(clash);
    if literal(front) || literal(back) {
        return false;
    }
    let (mine, others) = (characters(a), characters(b));
    // `reach[j]` says whether the first i of `mine` and the first j of `others` can match the same text. What two
    // wildcards take together may as well be nothing, so a wildcard takes characters of the other side only.
    let mut reach = vec![false; others.len() + 1];
    reach[0] = true;
    for i in 0..=mine.len() {
        let own = mine.get(i);
        for (j, theirs) in others.iter().enumerate() {
            let passes = theirs.is_wild() || own.is_some_and(|own| own.takes(theirs));
            reach[j + 1] |= reach[j] && passes;
        }
        let Some(own) = own else { break };
        let mut next = vec![false; reach.len()];
        for j in 0..reach.len() {
            let theirs = others.get(j);
            next[j] |= reach[j] && (own.is_wild() || theirs.is_some_and(|t| t.takes(own)));
            if theirs.is_some_and(|theirs| own.is(theirs)) {
                next[j + 1] = reach[j];
            }
        }
        reach = next;
    }
    reach[others.len()]
}

/// A token, and the other bytes of a character of several bytes.
struct Character(Token, Vec<u8>);

impl Character {
    fn is_wild(&self) -> bool {
        matches!(self.0, Token::Run | Token::Any)
    }

    /// Whether this is a wildcard that can take the character on the other side.
    fn takes(&self, other: &Self) -> bool {
        match self.0 {
            _ if other.is_wild() => false,
            Token::Any => true,
            Token::Run => other.0 != Token::Byte(b'/'),
            Token::One | Token::Byte(_) => false,
        }
    }

    /// Whether both are characters that can be the same one.
    fn is(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            _ if self.is_wild() || other.is_wild() => false,
            (Token::One, Token::Byte(byte)) | (Token::Byte(byte), Token::One) => byte != b'/',
            (a, b) => a == b && self.1 == other.1,
        }
    }
}

/// Tokens by character, so that `?` stands against a whole character.
fn characters(tokens: &[Token]) -> Vec<Character> {
    let mut found: Vec<Character> = Vec::with_capacity(tokens.len());
    for token in tokens {
        match (token, found.last_mut()) {
            (Token::Byte(byte), Some(Character(Token::Byte(_), rest))) if byte & 0xc0 == 0x80 => {
                rest.push(*byte);
            }
            _ => found.push(Character(*token, Vec::new())),
        }
    }
    found
}

/// The length of the character in front, 0 for a `/` or the end. A byte that is no UTF-8 is a character.
fn one(rest: &[u8]) -> usize {
    match rest.first() {
        None | Some(b'/') => 0,
        Some(first) if first.is_ascii() => 1,
        Some(_) => {
            let head = &rest[..rest.len().min(4)];
            let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            valid.chars().next().map_or(1, char::len_utf8)
        }
    }
}
