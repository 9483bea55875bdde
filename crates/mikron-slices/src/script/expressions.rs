//! Expressions of a script, from the loosest operator to the tightest.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::ScriptError;
use super::lexer::{Word, syntax};
use super::parser::{AUGMENTS, MAX_HEIGHT, Parser};
use super::tree::{
    Argument, Binary, Body, Clause, Expression, Function, Kind, Name, Parameter, ParameterKind,
    Place, Unary,
};

/// Operators with two sides by how loosely they bind.
const LEVELS: [&[(&str, Binary)]; 6] = [
    &[("|", Binary::BitOr)],
    &[("^", Binary::BitXor)],
    &[("&", Binary::BitAnd)],
    &[("<<", Binary::ShiftLeft), (">>", Binary::ShiftRight)],
    &[("+", Binary::Add), ("-", Binary::Subtract)],
    &[
        ("*", Binary::Multiply),
        ("//", Binary::Divide),
        ("%", Binary::Modulo),
    ],
];

const COMPARISONS: [(&str, Binary); 7] = [
    ("==", Binary::Equal),
    ("!=", Binary::Unequal),
    ("<", Binary::Less),
    ("<=", Binary::AtMost),
    (">", Binary::Greater),
    (">=", Binary::AtLeast),
    ("in", Binary::In),
];

impl Parser {
    /// One expression, or several with commas as a tuple.
    pub(crate) fn tuple(&mut self, open: bool) -> Result<Expression, ScriptError> {
        let place = self.place();
        let first = self.expression()?;
        if !self.is(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.take(",") {
            let ends = matches!(self.word(), Word::Newline | Word::End)
                || ["=", ")", "]", ";", ":"].iter().any(|sign| self.is(sign))
                || (open && AUGMENTS.iter().any(|(sign, _)| self.is(sign)));
            if ends {
                break;
            }
            items.push(self.expression()?);
        }
        let heights: Vec<u16> = items.iter().map(|item| item.height).collect();
        self.above(place, heights, Kind::Tuple(items))
    }

    pub(crate) fn expression(&mut self) -> Result<Expression, ScriptError> {
        self.deeper(|parser| {
            let place = parser.place();
            if parser.take("lambda") {
                return parser.lambda(place);
            }
            let then = parser.either()?;
            if !parser.take("if") {
                return Ok(then);
            }
            let condition = parser.either()?;
            parser.expect("else")?;
            let otherwise = parser.expression()?;
            let heights = [condition.height, then.height, otherwise.height];
            let kind = Kind::If(Box::new([condition, then, otherwise]));
            parser.above(place, heights, kind)
        })
    }

    fn lambda(&mut self, place: Place) -> Result<Expression, ScriptError> {
        let parameters = self.parameters(":")?;
        self.expect(":")?;
        let names: BTreeSet<Name> = parameters.iter().map(|p| p.name.clone()).collect();
        self.functions.push(names);
        let body = self.expression();
        let locals = self.functions.pop().unwrap_or_default();
        let body = body?;
        let height = body.height;
        let function = Function {
            name: "lambda".into(),
            parameters,
            body: Body::Expression(body),
            locals,
        };
        self.above(place, [height], Kind::Lambda(Rc::new(function)))
    }

    pub(crate) fn parameters(&mut self, end: &str) -> Result<Vec<Parameter>, ScriptError> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let (mut starred, mut defaults) = (false, false);
        while !self.is(end) {
            let place = self.place();
            if parameters
                .iter()
                .any(|p| matches!(p.kind, ParameterKind::Map))
            {
                return Err(syntax(place, "nothing follows `**`"));
            }
            let (name, kind) = if self.take("**") {
                (self.name()?, ParameterKind::Map)
            } else if self.take("*") {
                if std::mem::replace(&mut starred, true) {
                    return Err(syntax(place, "one `*` is enough"));
                }
                let bare = self.is(",") || self.is(end);
                let name = if bare { Name::from("") } else { self.name()? };
                (name, ParameterKind::List)
            } else {
                let name = self.name()?;
                if self.take("=") {
                    defaults = true;
                    (name, ParameterKind::Default(self.expression()?))
                } else if defaults && !starred {
                    return Err(syntax(place, "what has no default stands first"));
                } else {
                    (name, ParameterKind::Plain)
                }
            };
            if parameters.iter().any(|p| p.name == name) {
                return Err(syntax(place, format!("`{name}` stands here twice")));
            }
            parameters.push(Parameter { name, kind });
            if !self.take(",") {
                break;
            }
        }
        Ok(parameters)
    }

    fn either(&mut self) -> Result<Expression, ScriptError> {
        let place = self.place();
        let mut left = self.both()?;
        while self.take("or") {
            let right = self.both()?;
            let heights = [left.height, right.height];
            left = self.above(place, heights, Kind::Or(Box::new([left, right])))?;
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expression, ScriptError> {
        let place = self.place();
        let mut left = self.negation()?;
        while self.take("and") {
            let right = self.negation()?;
            let heights = [left.height, right.height];
            left = self.above(place, heights, Kind::And(Box::new([left, right])))?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expression, ScriptError> {
        let place = self.place();
        if !self.take("not") {
            return self.comparison();
        }
        let inner = self.deeper(Self::negation)?;
        let height = inner.height;
        self.above(place, [height], Kind::Unary(Unary::Not, Box::new(inner)))
    }

    fn compares(&mut self) -> Option<Binary> {
        if self.is("not") && matches!(self.words.get(self.at + 1)?.word, Word::Sign("in")) {
            self.at += 2;
            return Some(Binary::NotIn);
        }
        let found = COMPARISONS.iter().find(|(sign, _)| self.is(sign))?;
        self.skip();
        Some(found.1)
    }

    fn comparison(&mut self) -> Result<Expression, ScriptError> {
        let left = self.operation(0)?;
        let place = self.place();
        let Some(operator) = self.compares() else {
            return Ok(left);
        };
        let right = self.operation(0)?;
        let again = self.place();
        if self.compares().is_some() {
            let mut error = syntax(again, "comparisons do not form a chain");
            error.help = Some("write `a < b and b < c`".to_owned());
            return Err(error);
        }
        self.binary(place, operator, left, right)
    }

    fn binary(
        &self,
        place: Place,
        operator: Binary,
        left: Expression,
        right: Expression,
    ) -> Result<Expression, ScriptError> {
        let heights = [left.height, right.height];
        self.above(
            place,
            heights,
            Kind::Binary(operator, Box::new([left, right])),
        )
    }

    fn operation(&mut self, level: usize) -> Result<Expression, ScriptError> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.operation(level + 1)?;
        loop {
            let place = self.place();
            let Some((_, operator)) = operators.iter().find(|(sign, _)| self.is(sign)) else {
                if self.is("/") {
                    let mut error = syntax(place, "there are no fractions");
                    error.help = Some("write `//` for whole numbers".to_owned());
                    return Err(error);
                }
                return Ok(left);
            };
            self.skip();
            let right = self.operation(level + 1)?;
            left = self.binary(place, *operator, left, right)?;
        }
    }

    fn unary(&mut self) -> Result<Expression, ScriptError> {
        let place = self.place();
        let signs = [
            ("-", Unary::Minus),
            ("+", Unary::Plus),
            ("~", Unary::Invert),
        ];
        let Some((_, operator)) = signs.iter().find(|(sign, _)| self.is(sign)) else {
            return self.primary();
        };
        self.skip();
        let inner = self.deeper(Self::unary)?;
        let height = inner.height;
        self.above(place, [height], Kind::Unary(*operator, Box::new(inner)))
    }

    pub(crate) fn primary(&mut self) -> Result<Expression, ScriptError> {
        let mut left = self.operand()?;
        loop {
            let place = self.place();
            if self.take(".") {
                let name = self.name()?;
                let height = left.height;
                left = self.above(place, [height], Kind::Attribute(Box::new(left), name))?;
            } else if self.take("(") {
                let arguments = self.arguments()?;
                let heights: Vec<u16> = arguments.iter().map(argument_height).collect();
                let below = heights.into_iter().chain([left.height]);
                left = self.above(place, below, Kind::Call(Box::new(left), arguments))?;
            } else if self.take("[") {
                left = self.subscript(place, left)?;
            } else {
                return Ok(left);
            }
        }
    }

    fn subscript(&mut self, place: Place, left: Expression) -> Result<Expression, ScriptError> {
        let first = if self.is(":") {
            None
        } else {
            Some(self.tuple(false)?)
        };
        if let Some(index) = first {
            if self.take("]") {
                let heights = [left.height, index.height];
                return self.above(place, heights, Kind::Index(Box::new([left, index])));
            }
            return self.slice(place, left, Some(index));
        }
        self.slice(place, left, None)
    }

    fn slice(
        &mut self,
        place: Place,
        left: Expression,
        start: Option<Expression>,
    ) -> Result<Expression, ScriptError> {
        let mut parts = [start, None, None];
        for part in parts.iter_mut().skip(1) {
            if !self.take(":") {
                break;
            }
            if !self.is(":") && !self.is("]") {
                *part = Some(self.expression()?);
            }
        }
        self.expect("]")?;
        let heights: Vec<u16> = parts.iter().flatten().map(|part| part.height).collect();
        let below = heights.into_iter().chain([left.height]);
        self.above(place, below, Kind::Slice(Box::new(left), Box::new(parts)))
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, ScriptError> {
        let mut arguments = Vec::new();
        while !self.is(")") {
            let place = self.place();
            let argument = if self.take("**") {
                Argument::Map(self.expression()?)
            } else if self.take("*") {
                Argument::List(self.expression()?)
            } else {
                let value = self.expression()?;
                match value.kind {
                    Kind::Name(name) if self.take("=") => Argument::Named(name, self.expression()?),
                    _ => Argument::Plain(value),
                }
            };
            let named = arguments
                .iter()
                .any(|a| matches!(a, Argument::Named(..) | Argument::Map(_)));
            if named && matches!(argument, Argument::Plain(_)) {
                return Err(syntax(place, "what has no name stands first"));
            }
            arguments.push(argument);
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(arguments)
    }

    fn operand(&mut self) -> Result<Expression, ScriptError> {
        let place = self.place();
        let kind = match self.word().clone() {
            Word::Name(name) => match name.as_str() {
                "True" => Kind::Bool(true),
                "False" => Kind::Bool(false),
                _ => Kind::Name(name.as_str().into()),
            },
            Word::Int(number) => Kind::Int(number),
            Word::Text(text) => Kind::Text(text.into()),
            Word::Sign("None") => Kind::None,
            Word::Sign("(") => {
                self.skip();
                return self.deeper(|parser| parser.parenthesis(place));
            }
            Word::Sign("[") => {
                self.skip();
                return self.deeper(|parser| parser.list(place));
            }
            Word::Sign("{") => {
                self.skip();
                return self.deeper(|parser| parser.dict(place));
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.skip();
        if matches!((&kind, self.word()), (Kind::Text(_), Word::Text(_))) {
            let mut error = syntax(self.place(), "texts do not join by themselves");
            error.help = Some("write `+` between them".to_owned());
            return Err(error);
        }
        self.above(place, [], kind)
    }

    fn parenthesis(&mut self, place: Place) -> Result<Expression, ScriptError> {
        if self.take(")") {
            return self.above(place, [], Kind::Tuple(Vec::new()));
        }
        let inner = self.tuple(false)?;
        self.expect(")")?;
        Ok(inner)
    }

    fn list(&mut self, place: Place) -> Result<Expression, ScriptError> {
        let mut items = Vec::new();
        while !self.is("]") {
            items.push(self.expression()?);
            if items.len() == 1 && self.is("for") {
                let item = Box::new(items.remove(0));
                let (clauses, height) = self.clauses()?;
                self.expect("]")?;
                let below = [item.height, height];
                return self.above(place, below, Kind::ListOf(item, clauses));
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect("]")?;
        let heights: Vec<u16> = items.iter().map(|item| item.height).collect();
        self.above(place, heights, Kind::List(items))
    }

    fn dict(&mut self, place: Place) -> Result<Expression, ScriptError> {
        let mut items = Vec::new();
        while !self.is("}") {
            let key = self.expression()?;
            self.expect(":")?;
            let value = self.expression()?;
            if items.is_empty() && self.is("for") {
                let below = [key.height, value.height];
                let (clauses, height) = self.clauses()?;
                self.expect("}")?;
                let below = below.into_iter().chain([height]);
                let kind = Kind::DictOf(Box::new([key, value]), clauses);
                return self.above(place, below, kind);
            }
            items.push((key, value));
            if !self.take(",") {
                break;
            }
        }
        self.expect("}")?;
        let heights: Vec<u16> = items.iter().map(|(k, v)| k.height.max(v.height)).collect();
        self.above(place, heights, Kind::Dict(items))
    }

    fn clauses(&mut self) -> Result<(Vec<Clause>, u16), ScriptError> {
        // Names of a comprehension are its own: they do not become locals of the function around it.
        self.functions.push(BTreeSet::new());
        let result = self.clauses_inside();
        self.functions.pop();
        result
    }

    fn clauses_inside(&mut self) -> Result<(Vec<Clause>, u16), ScriptError> {
        let mut clauses = Vec::new();
        let mut height = 0;
        loop {
            if self.take("for") {
                let target = self.loop_target()?;
                self.expect("in")?;
                let items = self.either()?;
                height = height.max(items.height);
                clauses.push(Clause::For(target, items));
            } else if self.take("if") {
                let condition = self.either()?;
                height = height.max(condition.height);
                clauses.push(Clause::If(condition));
            } else {
                return Ok((clauses, height));
            }
            if clauses.len() > usize::from(MAX_HEIGHT / 4) {
                return Err(self.too_deep());
            }
        }
    }
}

fn argument_height(argument: &Argument) -> u16 {
    match argument {
        Argument::Plain(value)
        | Argument::Named(_, value)
        | Argument::List(value)
        | Argument::Map(value) => value.height,
    }
}
