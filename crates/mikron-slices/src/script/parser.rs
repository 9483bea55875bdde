//! From words to a tree, by recursive descent: statements here, expressions in [`expressions`](super::expressions).

use std::collections::BTreeSet;
use std::rc::Rc;

use super::lexer::{Token, Word, syntax, words};
use super::tree::{
    Action, Binary, Block, Body, Expression, Function, Kind, Name, Place, Statement, Target,
};
use super::{ScriptError, ScriptErrorKind};

/// Deepest nesting of expressions and blocks; operators in a row count too. The tree is walked and dropped recursively.
pub(crate) const MAX_HEIGHT: u16 = 100;

/// A script that was read.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) body: Block,
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Result<Script, ScriptError> {
    let mut parser = Parser {
        words: words(text)?,
        at: 0,
        depth: 0,
        functions: Vec::new(),
        loops: 0,
    };
    let mut body = Vec::new();
    while *parser.word() != Word::End {
        parser.statement(&mut body)?;
    }
    Ok(Script { body })
}

pub(crate) struct Parser {
    pub(crate) words: Vec<Token>,
    pub(crate) at: usize,
    depth: u16,
    /// Names that the functions around assign, innermost last.
    pub(crate) functions: Vec<BTreeSet<Name>>,
    loops: usize,
}

pub(crate) const AUGMENTS: [(&str, Binary); 10] = [
    ("+=", Binary::Add),
    ("-=", Binary::Subtract),
    ("*=", Binary::Multiply),
    ("//=", Binary::Divide),
    ("%=", Binary::Modulo),
    ("|=", Binary::BitOr),
    ("&=", Binary::BitAnd),
    ("^=", Binary::BitXor),
    ("<<=", Binary::ShiftLeft),
    (">>=", Binary::ShiftRight),
];

impl Parser {
    pub(crate) fn token(&self) -> &Token {
        // The last word is the end, and nothing goes on after it.
        &self.words[self.at.min(self.words.len() - 1)]
    }

    pub(crate) fn word(&self) -> &Word {
        &self.token().word
    }

    pub(crate) fn place(&self) -> Place {
        self.token().place
    }

    pub(crate) fn is(&self, sign: &str) -> bool {
        matches!(self.word(), Word::Sign(word) if *word == sign)
    }

    pub(crate) fn skip(&mut self) {
        self.at += 1;
    }

    pub(crate) fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.skip();
        }
        found
    }

    pub(crate) fn expect(&mut self, sign: &str) -> Result<(), ScriptError> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> ScriptError {
        let found = match self.word() {
            Word::Name(name) => format!("`{}`", mikron_yaml::shown(name)),
            Word::Int(number) => format!("`{number}`"),
            Word::Text(_) => "a text".to_owned(),
            Word::Sign("load") => "`load`, which reads other files".to_owned(),
            Word::Sign("while") => "`while`, which might not end".to_owned(),
            Word::Sign(sign) => format!("`{sign}`"),
            Word::Newline => "the end of the line".to_owned(),
            Word::Indent => "a deeper line".to_owned(),
            Word::Dedent => "the end of the block".to_owned(),
            Word::End => "the end of the script".to_owned(),
        };
        syntax(
            self.place(),
            format!("{wanted} is expected here, not {found}"),
        )
    }

    pub(crate) fn too_deep(&self) -> ScriptError {
        let place = self.place();
        ScriptError {
            line: place.line as usize,
            column: place.column as usize,
            kind: ScriptErrorKind::Depth,
            help: None,
        }
    }

    /// Goes one level down for the time of `inner`.
    pub(crate) fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ScriptError>,
    ) -> Result<T, ScriptError> {
        if self.depth == MAX_HEIGHT {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// An expression above others.
    pub(crate) fn above(
        &self,
        place: Place,
        below: impl IntoIterator<Item = u16>,
        kind: Kind,
    ) -> Result<Expression, ScriptError> {
        let height = below.into_iter().max().unwrap_or(0) + 1;
        if height > MAX_HEIGHT {
            return Err(self.too_deep());
        }
        Ok(Expression {
            place,
            kind,
            height,
        })
    }

    pub(crate) fn name(&mut self) -> Result<Name, ScriptError> {
        if let Word::Name(name) = self.word() {
            let name = Name::from(name.as_str());
            self.skip();
            return Ok(name);
        }
        Err(self.unexpected("a name"))
    }

    // Statements.

    fn statement(&mut self, block: &mut Block) -> Result<(), ScriptError> {
        let place = self.place();
        let kind = if self.take("if") {
            self.conditions()?
        } else if self.take("for") {
            let target = self.loop_target()?;
            self.expect("in")?;
            let items = self.tuple(false)?;
            self.loops += 1;
            let body = self.block();
            self.loops -= 1;
            Action::For(target, items, body?)
        } else if self.take("def") {
            self.definition()?
        } else {
            loop {
                let place = self.place();
                let kind = self.small_statement()?;
                block.push(Statement { place, kind });
                let more = self.take(";");
                if *self.word() == Word::Newline {
                    self.skip();
                    return Ok(());
                }
                if *self.word() == Word::End {
                    return Ok(());
                }
                if !more {
                    return Err(self.unexpected("the end of the line"));
                }
            }
        };
        block.push(Statement { place, kind });
        Ok(())
    }

    fn conditions(&mut self) -> Result<Action, ScriptError> {
        let mut branches = Vec::new();
        loop {
            let condition = self.expression()?;
            branches.push((condition, self.block()?));
            if !self.take("elif") {
                break;
            }
        }
        let otherwise = if self.take("else") {
            self.block()?
        } else {
            Vec::new()
        };
        Ok(Action::If(branches, otherwise))
    }

    fn definition(&mut self) -> Result<Action, ScriptError> {
        let name = self.name()?;
        self.expect("(")?;
        let parameters = self.parameters(")")?;
        self.expect(")")?;
        let names = parameters.iter().map(|p| p.name.clone()).collect();
        self.functions.push(names);
        let loops = std::mem::take(&mut self.loops);
        let body = self.block();
        self.loops = loops;
        let locals = self.functions.pop().unwrap_or_default();
        self.assigns(&name);
        Ok(Action::Define(Rc::new(Function {
            name,
            parameters,
            body: Body::Block(body?),
            locals,
        })))
    }

    fn block(&mut self) -> Result<Block, ScriptError> {
        self.expect(":")?;
        self.deeper(|parser| {
            let mut block = Vec::new();
            if *parser.word() != Word::Newline {
                parser.statement(&mut block)?;
                return Ok(block);
            }
            parser.skip();
            if *parser.word() != Word::Indent {
                return Err(parser.unexpected("a deeper line"));
            }
            parser.skip();
            while *parser.word() != Word::Dedent && *parser.word() != Word::End {
                parser.statement(&mut block)?;
            }
            if *parser.word() == Word::Dedent {
                parser.skip();
            }
            Ok(block)
        })
    }

    fn small_statement(&mut self) -> Result<Action, ScriptError> {
        let place = self.place();
        if self.take("pass") {
            return Ok(Action::Pass);
        }
        for (word, action) in [("break", Action::Break), ("continue", Action::Continue)] {
            if self.take(word) {
                return match self.loops {
                    0 => Err(syntax(place, format!("`{word}` stands outside of a loop"))),
                    _ => Ok(action),
                };
            }
        }
        if self.take("return") {
            if self.functions.is_empty() {
                return Err(syntax(place, "`return` stands outside of a function"));
            }
            let ends = matches!(self.word(), Word::Newline | Word::End) || self.is(";");
            let value = if ends { None } else { Some(self.tuple(true)?) };
            return Ok(Action::Return(value));
        }
        let left = self.tuple(true)?;
        if self.take("=") {
            let target = self.target(left)?;
            return Ok(Action::Assign(target, self.tuple(true)?));
        }
        for (sign, operator) in AUGMENTS {
            if self.take(sign) {
                let target = self.target(left)?;
                if let Target::Several(place, _) = target {
                    return Err(syntax(place, "only one thing can be changed at a time"));
                }
                return Ok(Action::Augment(target, operator, self.tuple(true)?));
            }
        }
        Ok(Action::Expression(left))
    }

    fn assigns(&mut self, name: &Name) {
        if let Some(locals) = self.functions.last_mut() {
            locals.insert(name.clone());
        }
    }

    pub(crate) fn target(&mut self, expression: Expression) -> Result<Target, ScriptError> {
        let place = expression.place;
        match expression.kind {
            Kind::Name(name) => {
                self.assigns(&name);
                Ok(Target::Name(place, name))
            }
            Kind::Index(both) => Ok(Target::Index(place, both)),
            Kind::Tuple(items) | Kind::List(items) if !items.is_empty() => {
                let targets: Result<_, _> = items.into_iter().map(|i| self.target(i)).collect();
                Ok(Target::Several(place, targets?))
            }
            _ => Err(syntax(place, "nothing can be assigned to this")),
        }
    }

    /// The names between `for` and `in`.
    pub(crate) fn loop_target(&mut self) -> Result<Target, ScriptError> {
        let place = self.place();
        let mut items = vec![self.primary()?];
        let mut several = false;
        while self.take(",") {
            several = true;
            if self.is("in") {
                break;
            }
            items.push(self.primary()?);
        }
        let single = if several { None } else { items.pop() };
        if let Some(item) = single {
            return self.target(item);
        }
        let targets: Result<_, _> = items.into_iter().map(|i| self.target(i)).collect();
        Ok(Target::Several(place, targets?))
    }
}
