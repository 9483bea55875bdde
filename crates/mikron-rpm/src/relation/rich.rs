//! Rich dependencies: `(a or b)`, `(a >= 1 if b else c)`, `(a with b)` (rpm-dependencies(7), "Rich dependencies").
//!
//! rpm has two rules books. What is *read* may combine operators in every way but under `with` and `without`; what is *built*
//! may besides not mix `or` with `if`, nor `and` with `unless`, as the negation that comes of it surprises everybody.
//! [`RichContext`] says which one is asked for.

use mikron_package::{LimitExceeded, Operator, Requirement};

use super::{RelationError, RelationErrorKind, excerpt, related};

/// How deep parentheses of a rich dependency may stand in each other. The deepest that distributions publish is 3.
pub const MAX_RICH_DEPTH: usize = 32;

/// How long a rich dependency may be, in bytes.
pub const MAX_RICH_LEN: usize = 64 << 10;

/// Where a rich dependency stands, and so by which rules it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RichContext {
    /// In a package that is there already: as rpm reads it when it installs.
    Any,
    /// In Requires, Recommends or Suggests of a package that is being built.
    Requires,
    /// In Conflicts, Supplements or Enhances of a package that is being built.
    Conflicts,
}

/// Reads a rich dependency.
///
/// ```
/// use mikron_package::Requirement;
/// use mikron_rpm::{RichContext, parse_rich};
/// let found = parse_rich("(kernel-devel if (gcc and make) else none)", RichContext::Any)?;
/// assert!(matches!(found, Requirement::If { otherwise: Some(_), .. }));
/// assert!(parse_rich("(a or b and c)", RichContext::Any).is_err());
/// # Ok::<(), mikron_rpm::RelationError>(())
/// ```
///
/// # Errors
/// When it is not well-formed, mixes operators in one pair of parentheses, combines them against the rules of the context,
/// or exceeds [`MAX_RICH_LEN`] or [`MAX_RICH_DEPTH`].
pub fn parse_rich(text: &str, context: RichContext) -> Result<Requirement, RelationError> {
    parse(text, context).map_err(|kind| RelationError::new(text, kind))
}

fn parse(text: &str, context: RichContext) -> Result<Requirement, RelationErrorKind> {
    LimitExceeded::check("MAX_RICH_LEN", text.len() as u64, MAX_RICH_LEN as u64)?;
    let mut parser = Parser {
        text,
        at: 0,
        strict: context != RichContext::Any,
    };
    let (requirement, barred) = parser.group(1)?;
    if parser.at < text.len() {
        return Err(parser.fault("something stands behind the rich dependency"));
    }
    // The dependency as a whole is one of many: those of Requires hold together, those of Conflicts each for itself.
    match context {
        RichContext::Any => {}
        RichContext::Requires => barred.check(Word::And, true, 0)?,
        RichContext::Conflicts => barred.check(Word::Or, true, 0)?,
    }
    Ok(requirement)
}

/// An operator of rich dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    And,
    Or,
    If,
    Unless,
    Else,
    With,
    Without,
}

impl Word {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "and" => Self::And,
            "or" => Self::Or,
            "if" => Self::If,
            "unless" => Self::Unless,
            "else" => Self::Else,
            "with" => Self::With,
            "without" => Self::Without,
            _ => return None,
        })
    }

    /// Whether it may stand between more than two operands.
    fn chains(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::With)
    }
}

/// What may not stand around an expression.
#[derive(Clone, Copy, Debug, Default)]
struct Barred {
    with: bool,
    and: bool,
    or: bool,
}

impl Barred {
    fn check(self, word: Word, strict: bool, offset: usize) -> Result<(), RelationErrorKind> {
        let reason = match word {
            Word::With | Word::Without if self.with => {
                "`with` and `without` join packages: only plain relations, `or`, `with` and `without` may stand in them"
            }
            Word::And | Word::If if strict && self.and => {
                "`unless` cannot stand inside of `and`, nor alone in Requires; write `or`"
            }
            Word::Or | Word::Unless if strict && self.or => {
                "`if` cannot stand inside of `or`, nor alone in Conflicts; write `and`"
            }
            _ => return Ok(()),
        };
        Err(RelationErrorKind::Rich { reason, offset })
    }

    /// What is barred around an expression with these operators, `first` and `last` of it.
    fn around(mut self, first: Word, last: Word) -> Self {
        match first {
            Word::If => self.or = true,
            Word::Unless => self.and = true,
            _ => {}
        }
        if matches!(last, Word::And | Word::Or) {
            (self.and, self.or) = (false, false);
        }
        self.with |= !matches!(last, Word::With | Word::Without | Word::Or);
        self
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    strict: bool,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn fault(&self, reason: &'static str) -> RelationErrorKind {
        RelationErrorKind::Rich {
            reason,
            offset: self.at,
        }
    }

    /// White space, and commas, which rpm takes for it.
    fn skip_white(&mut self) {
        let white = |b: &&u8| is_white(**b);
        self.at += self.rest().iter().take_while(white).count();
    }

    /// Up to white space, or to a parenthesis that was not opened inside.
    fn word(&mut self) -> &'a str {
        let begin = self.at;
        let mut open = 0_usize;
        for byte in self.rest() {
            match byte {
                b'(' => open += 1,
                b')' if open == 0 => break,
                b')' => open -= 1,
                b if is_white(*b) => break,
                _ => {}
            }
            self.at += 1;
        }
        // Only ASCII ends a word, so both ends lie between characters.
        self.text.get(begin..self.at).unwrap_or_default()
    }

    /// One pair of parentheses, and what may not stand around it.
    fn group(&mut self, depth: usize) -> Result<(Requirement, Barred), RelationErrorKind> {
        LimitExceeded::check("MAX_RICH_DEPTH", depth as u64, MAX_RICH_DEPTH as u64)?;
        let begin = self.at;
        if self.rest().first() != Some(&b'(') {
            return Err(self.fault("a rich dependency begins with a parenthesis"));
        }
        self.at += 1;
        let mut operands = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut barred = Barred::default();
        loop {
            self.skip_white();
            match self.rest().first() {
                None => return Err(self.fault("a closing parenthesis is missing")),
                Some(b')') if words.is_empty() => {
                    return Err(self.fault("the parentheses are empty"));
                }
                Some(b')') => return Err(self.fault("the operator lacks what follows it")),
                Some(b'(') => {
                    let (operand, mut inner) = self.group(depth + 1)?;
                    if matches!(words.last(), Some(Word::If | Word::Unless)) {
                        // A condition stands for itself.
                        (inner.and, inner.or) = (false, false);
                    }
                    barred.with |= inner.with;
                    barred.and |= inner.and;
                    barred.or |= inner.or;
                    operands.push(operand);
                }
                Some(_) => operands.push(self.simple()?),
            }
            self.skip_white();
            match self.rest().first() {
                None => return Err(self.fault("a closing parenthesis is missing")),
                Some(b')') => break,
                Some(_) => words.push(self.operator(words.last().copied(), words.len())?),
            }
        }
        self.at += 1;
        let Some((&first, &last)) = words.first().zip(words.last()) else {
            // One relation in parentheses is that relation.
            let only = operands.pop();
            return Ok((
                only.ok_or_else(|| self.fault("the parentheses are empty"))?,
                barred,
            ));
        };
        barred.check(first, self.strict, begin)?;
        let built = build(first, operands)
            .ok_or_else(|| self.fault("the operator lacks what follows it"))?;
        Ok((built, barred.around(first, last)))
    }

    fn simple(&mut self) -> Result<Requirement, RelationErrorKind> {
        let name = self.word();
        let behind_name = self.at;
        self.skip_white();
        let operator = match self.word() {
            "<" => Some(Operator::Less),
            "<=" | "=<" => Some(Operator::LessEqual),
            "=" | "==" => Some(Operator::Equal),
            ">=" | "=>" => Some(Operator::GreaterEqual),
            ">" => Some(Operator::Greater),
            _ => None,
        };
        let evr = if operator.is_some() {
            self.skip_white();
            let evr = self.word();
            if evr.is_empty() {
                return Err(self.fault("a version is missing"));
            }
            evr
        } else {
            self.at = behind_name;
            ""
        };
        Ok(Requirement::One(related(name, operator, evr)?))
    }

    /// The next operator, where it may follow the one before.
    fn operator(&mut self, before: Option<Word>, count: usize) -> Result<Word, RelationErrorKind> {
        let begin = self.at;
        let end = self.rest().iter().take_while(|b| !is_white(**b)).count();
        let text = self.text.get(begin..begin + end).unwrap_or_default();
        let Some(word) = Word::of(text) else {
            return Err(RelationErrorKind::Operator {
                word: excerpt(text),
                offset: begin,
            });
        };
        match before {
            None if word == Word::Else => {
                return Err(self.fault("`else` stands without `if` or `unless`"));
            }
            Some(Word::If | Word::Unless) if word == Word::Else && count == 1 => {}
            Some(before) if before != word => {
                return Err(self.fault(
                    "different operators stand in one pair of parentheses; put one of them into parentheses of its own",
                ));
            }
            Some(_) if !word.chains() => {
                return Err(self.fault("only `and`, `or` and `with` may stand more than once"));
            }
            None | Some(_) => {}
        }
        self.at += end;
        Ok(word)
    }
}

fn is_white(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b || byte == b','
}

/// The expression of one pair of parentheses. `None` where operands are missing, which the parser excludes.
fn build(first: Word, operands: Vec<Requirement>) -> Option<Requirement> {
    let mut operands = operands.into_iter();
    let mut next = || operands.next().map(Box::new);
    Some(match first {
        Word::And => Requirement::All(operands.collect()),
        Word::Or => Requirement::Any(operands.collect()),
        Word::If => Requirement::If {
            then: next()?,
            condition: next()?,
            otherwise: next(),
        },
        Word::Unless => Requirement::Unless {
            then: next()?,
            condition: next()?,
            otherwise: next(),
        },
        Word::Without => Requirement::Without(next()?, next()?),
        Word::With => {
            // `(a with b with c)` is `(a with (b with c))`: one package satisfies all of them.
            let mut parts: Vec<Requirement> = operands.collect();
            let mut built = parts.pop()?;
            while let Some(part) = parts.pop() {
                built = Requirement::With(Box::new(part), Box::new(built));
            }
            built
        }
        Word::Else => return None,
    })
}
