//! What the parser yields: the tree of a script, each command with its line.
//!
//! The names are those of the standard (POSIX.1-2024, XCU 2.9 and 2.10.2). Text is kept as it was written; quotes are
//! nodes and not characters, so a reader can tell `"$x"` from `$x` and `'*'` from `*`.

use crate::error::ParseError;

/// A script as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its commands.
    pub commands: List,
    /// The bodies of its here-documents; [`Target::HereDocument`] counts into them.
    pub here_documents: Vec<HereDocument>,
    /// Why the reading ended before the end of the text. What stands in `commands` was read before that.
    pub error: Option<ParseError>,
}

/// Commands one after another (XCU 2.9.3).
pub type List = Vec<Item>;

/// One and-or list with its separator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The pipelines.
    pub and_or: AndOr,
    /// Whether `&` follows.
    pub background: bool,
}

/// Pipelines joined by `&&` and `||`, which bind equally and to the left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndOr {
    /// The first pipeline.
    pub first: Pipeline,
    /// The others, each with what stands before it.
    pub rest: Vec<(Connector, Pipeline)>,
}

/// What joins two pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// `&&`.
    And,
    /// `||`.
    Or,
}

/// Commands joined by `|` or `|&` (XCU 2.9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Whether an odd number of `!` stands before it.
    pub negated: bool,
    /// The commands.
    pub commands: Vec<Command>,
}

/// One command with its redirections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The line on which it begins, from 1.
    pub line: u32,
    /// What it is.
    pub kind: CommandKind,
    /// Its redirections, in order.
    pub redirects: Vec<Redirect>,
}

/// The kinds of commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Assignments and words (XCU 2.9.1).
    Simple(Simple),
    /// `{ …; }`.
    Group(List),
    /// `( … )`.
    Subshell(List),
    /// `if`.
    If(If),
    /// `while` or `until`.
    Loop {
        /// Whether it is `until`.
        until: bool,
        /// The condition.
        condition: List,
        /// What is repeated.
        body: List,
    },
    /// `for`, or `select` (bash, ksh).
    For {
        /// The variable.
        variable: String,
        /// The words; `None` stands for the positional parameters.
        words: Option<Vec<Word>>,
        /// What is repeated.
        body: List,
    },
    /// `for ((a; b; c))` (bash, ksh).
    ArithmeticFor {
        /// The three expressions, with the expansions in them.
        expressions: Word,
        /// What is repeated.
        body: List,
    },
    /// `case`.
    Case {
        /// What is compared.
        subject: Word,
        /// The arms.
        arms: Vec<Arm>,
    },
    /// The definition of a function (XCU 2.9.5).
    Function {
        /// Its name.
        name: String,
        /// Its body.
        body: Box<Command>,
    },
    /// `((…))` (bash, ksh).
    Arithmetic(Word),
    /// `[[ … ]]` (bash, ksh).
    Test(Test),
    /// `coproc` (bash).
    Coprocess(Box<Command>),
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// The assignments before the name.
    pub assignments: Vec<Assignment>,
    /// The name and the arguments.
    pub words: Vec<Word>,
}

/// `name=value`, `name+=value` (bash, ksh), or with a subscript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// Whether only a part of the variable is set: `+=`, or an element of an array.
    pub partial: bool,
    /// The value.
    pub value: Word,
}

/// `if … then … elif … then … else … fi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct If {
    /// Conditions and what runs under each.
    pub arms: Vec<(List, List)>,
    /// What runs otherwise.
    pub otherwise: Option<List>,
}

/// One arm of a `case`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// The patterns.
    pub patterns: Vec<Word>,
    /// What runs when one of them fits.
    pub body: List,
    /// How it ends.
    pub end: ArmEnd,
}

/// The end of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmEnd {
    /// `;;`, or nothing before `esac`.
    Break,
    /// `;&`: the next arm runs too.
    FallThrough,
    /// `;;&`: the next patterns are tried (bash).
    Continue,
}

/// The expression of `[[ … ]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A word that is not empty.
    Word(Word),
    /// `-f word`.
    Unary(String, Word),
    /// `word = pattern`.
    Binary(Word, String, Word),
    /// `! …`.
    Not(Box<Test>),
    /// Joined by `&&`.
    All(Vec<Test>),
    /// Joined by `||`.
    Any(Vec<Test>),
}

/// A redirection (XCU 2.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The descriptor before the operator: `2`, or `{name}` (bash).
    pub descriptor: Option<String>,
    /// The operator.
    pub operator: RedirectOperator,
    /// Where it leads.
    pub target: Target,
}

/// The operators of redirections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectOperator {
    /// `<`.
    Read,
    /// `>`, `>|`.
    Write,
    /// `>>`.
    Append,
    /// `<>`.
    ReadWrite,
    /// `<&`.
    DuplicateInput,
    /// `>&`: to a descriptor, or both outputs to a file (bash).
    DuplicateOutput,
    /// `&>`, `&>>` (bash).
    WriteBoth,
    /// `<<`, `<<-`.
    HereDocument,
    /// `<<<` (bash, ksh).
    HereString,
}

/// Where a redirection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file, a descriptor or the text of a here-string.
    Word(Word),
    /// The number of a body in [`Script::here_documents`].
    HereDocument(usize),
}

/// A here-document (XCU 2.7.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HereDocument {
    /// The line that ends it.
    pub delimiter: String,
    /// Whether the delimiter was quoted, and the body is therefore taken as it is.
    pub quoted: bool,
    /// The body.
    pub body: Word,
}

/// A word (XCU 2.2, 2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    /// The line on which it begins, from 1.
    pub line: u32,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

impl Word {
    /// The text of a word that is one unquoted literal.
    pub fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }
}

/// One part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text without quotes.
    Literal(String),
    /// Text in `'…'` or `$'…'`, or behind a backslash.
    Quoted(String),
    /// `"…"`, `$"…"`.
    DoubleQuoted(Vec<Part>),
    /// `$name`, `${…}`.
    Parameter(Box<Parameter>),
    /// `$(…)` or `` `…` ``.
    Command(List),
    /// `$((…))`, `$[…]`: the text of the expression, with the expansions in it.
    Arithmetic(Vec<Part>),
    /// `<(…)`, `>(…)` (bash, ksh).
    Process(List),
    /// The elements of an array (bash, ksh).
    Array(Vec<Word>),
    /// `@(a|b)` and its kin (ksh, bash with extglob): the operator and the alternatives.
    Pattern(char, Vec<Word>),
}

/// `$name` or `${name…}` (XCU 2.6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// The name, a number, or one of `@*#?-$!`.
    pub name: String,
    /// As it was written.
    pub text: String,
    /// `${#name}`.
    pub length: bool,
    /// `${!name}` (bash): the variable that the variable names.
    pub indirect: bool,
    /// `${name[…]}`.
    pub subscript: Option<Word>,
    /// What is done with the value.
    pub operation: Option<(Operation, Word)>,
}

/// The operations on a parameter. Those with a colon treat an empty value like none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `-`, `:-`.
    Default {
        /// Whether a colon stands there.
        colon: bool,
    },
    /// `=`, `:=`.
    Assign {
        /// Whether a colon stands there.
        colon: bool,
    },
    /// `?`, `:?`.
    Error {
        /// Whether a colon stands there.
        colon: bool,
    },
    /// `+`, `:+`.
    Alternative {
        /// Whether a colon stands there.
        colon: bool,
    },
    /// `#`, `##`, `%`, `%%`.
    Trim {
        /// Whether the end is cut off (`%`).
        suffix: bool,
        /// Whether the longest piece that fits is cut off (`##`, `%%`).
        longest: bool,
    },
    /// `/`, `:offset`, `^`, `,`, `@` (bash, ksh).
    Other,
}
