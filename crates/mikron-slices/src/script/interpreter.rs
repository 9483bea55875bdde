//! Walks over the tree of a script.

use std::collections::HashMap;
use std::rc::Rc;

use super::heap::{Heap, Outcome};
use super::parser::Script;
use super::tree::{
    Action, Argument, Block, Body, Clause, Expression, Function, Kind, Name, Parameter,
    ParameterKind, Place, Statement, Target,
};
use super::value::{Dict, Value};
use super::{ScriptError, ScriptErrorKind, ScriptLimits, StageError};

/// What `content` stands for.
pub(crate) trait Host {
    /// The content of a file.
    fn read(&mut self, path: &[u8], limit: u64) -> Result<Vec<u8>, StageError>;
    /// Replaces the content of a file.
    fn write(&mut self, path: &[u8], data: &[u8]) -> Result<(), StageError>;
    /// Names in a directory in order, directories with `/` at the end.
    fn list(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, StageError>;
}

/// Runs a script to its end. What it printed comes back.
pub(crate) fn run(
    script: &Script,
    host: &mut dyn Host,
    limits: &ScriptLimits,
) -> Result<Vec<u8>, ScriptError> {
    let mut interpreter = Interpreter {
        heap: Heap::new(*limits),
        host,
        scopes: vec![Scope::default()],
        running: Vec::new(),
        printed: Vec::new(),
    };
    interpreter.block(&script.body, 0)?;
    Ok(interpreter.printed)
}

/// Names with their values. A function's scope knows which names are its own, even before they have values.
#[derive(Default)]
struct Scope {
    names: HashMap<Name, Value>,
    above: Option<usize>,
    function: Option<Rc<Function>>,
}

pub(crate) struct Interpreter<'a> {
    pub(crate) heap: Heap,
    pub(crate) host: &'a mut dyn Host,
    scopes: Vec<Scope>,
    /// Functions that are being called, to refuse recursion as the language does.
    running: Vec<Rc<Function>>,
    pub(crate) printed: Vec<u8>,
}

/// How a block ends.
enum Flow {
    On,
    Break,
    Continue,
    Return(Value),
}

/// Arguments of a call: those without a name, and those with one.
pub(crate) struct Arguments {
    pub(crate) plain: Vec<Value>,
    pub(crate) named: Vec<(Name, Value)>,
}

/// Runs over the items of a value.
pub(crate) enum Items {
    List(std::vec::IntoIter<Value>),
    Range(super::value::Range, i64),
}

impl Iterator for Items {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        match self {
            Self::List(items) => items.next(),
            Self::Range(range, at) => (*at < range.length).then(|| {
                *at += 1;
                Value::Int(range.get(*at - 1))
            }),
        }
    }
}

impl Interpreter<'_> {
    fn at(&mut self, place: Place) -> Outcome<()> {
        self.heap.place = place;
        self.heap.step(1)
    }

    // Statements.

    fn block(&mut self, block: &Block, scope: usize) -> Outcome<Flow> {
        for statement in block {
            match self.statement(statement, scope)? {
                Flow::On => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::On)
    }

    fn statement(&mut self, statement: &Statement, scope: usize) -> Outcome<Flow> {
        self.at(statement.place)?;
        match &statement.kind {
            Action::Expression(expression) => {
                self.evaluate(expression, scope)?;
            }
            Action::Assign(target, value) => {
                let value = self.evaluate(value, scope)?;
                self.assign(target, value, scope)?;
            }
            Action::Augment(target, operator, value) => {
                self.augment(target, *operator, value, scope)?;
            }
            Action::For(target, items, body) => return self.loop_over(target, items, body, scope),
            Action::If(branches, otherwise) => {
                self.heap.down()?;
                let flow = self.branches(branches, otherwise, scope);
                self.heap.up();
                return flow;
            }
            Action::Define(function) => {
                let value = self.define(function, scope)?;
                self.set(&function.name, value, scope)?;
            }
            Action::Return(None) => return Ok(Flow::Return(Value::None)),
            Action::Return(Some(value)) => {
                return Ok(Flow::Return(self.evaluate(value, scope)?));
            }
            Action::Break => return Ok(Flow::Break),
            Action::Continue => return Ok(Flow::Continue),
            Action::Pass => {}
        }
        Ok(Flow::On)
    }

    fn branches(
        &mut self,
        branches: &[(Expression, Block)],
        otherwise: &Block,
        scope: usize,
    ) -> Outcome<Flow> {
        for (condition, block) in branches {
            let value = self.evaluate(condition, scope)?;
            if self.heap.truth(&value) {
                return self.block(block, scope);
            }
        }
        self.block(otherwise, scope)
    }

    fn loop_over(
        &mut self,
        target: &Target,
        items: &Expression,
        body: &Block,
        scope: usize,
    ) -> Outcome<Flow> {
        let items = self.evaluate(items, scope)?;
        let each = self.items(&items)?;
        self.heap.hold(&items, true);
        self.heap.down()?;
        let mut end = Flow::On;
        for item in each {
            self.heap.step(1)?;
            self.assign(target, item, scope)?;
            match self.block(body, scope)? {
                Flow::On | Flow::Continue => {}
                Flow::Break => break,
                flow @ Flow::Return(_) => {
                    end = flow;
                    break;
                }
            }
        }
        self.heap.up();
        self.heap.hold(&items, false);
        Ok(end)
    }

    fn define(&mut self, function: &Rc<Function>, scope: usize) -> Outcome {
        let mut defaults = Vec::new();
        for parameter in &function.parameters {
            if let ParameterKind::Default(value) = &parameter.kind {
                defaults.push(self.evaluate(value, scope)?);
            }
        }
        self.heap.function(function, defaults, scope)
    }

    fn set(&mut self, name: &Name, value: Value, scope: usize) -> Outcome<()> {
        let scope = &mut self.scopes[scope];
        if let Some(old) = scope.names.get_mut(name) {
            *old = value;
            return Ok(());
        }
        self.heap.charge(size_of::<(Name, Value)>())?;
        scope.names.insert(name.clone(), value);
        Ok(())
    }

    fn assign(&mut self, target: &Target, value: Value, scope: usize) -> Outcome<()> {
        match target {
            Target::Name(_, name) => self.set(name, value, scope),
            Target::Index(place, both) => {
                let of = self.evaluate(&both[0], scope)?;
                let index = self.evaluate(&both[1], scope)?;
                self.heap.place = *place;
                self.set_index(&of, &index, value)
            }
            Target::Several(place, targets) => {
                self.heap.place = *place;
                let items = self.gather(&value)?;
                if items.len() != targets.len() {
                    let (found, wanted) = (items.len(), targets.len());
                    let message = format!("there are {found} values for {wanted} names");
                    return self.heap.value_error(message);
                }
                for (target, item) in targets.iter().zip(items) {
                    self.assign(target, item, scope)?;
                }
                Ok(())
            }
        }
    }

    fn augment(
        &mut self,
        target: &Target,
        operator: super::tree::Binary,
        value: &Expression,
        scope: usize,
    ) -> Outcome<()> {
        let (place, old, index) = match target {
            Target::Name(place, name) => {
                self.heap.place = *place;
                (*place, self.get(name, scope)?, None)
            }
            Target::Index(place, both) => {
                let of = self.evaluate(&both[0], scope)?;
                let index = self.evaluate(&both[1], scope)?;
                self.heap.place = *place;
                let old = self.index(&of, &index)?;
                (*place, old, Some((of, index)))
            }
            // The parser lets none of these through.
            Target::Several(..) => return Ok(()),
        };
        let value = self.evaluate(value, scope)?;
        self.heap.place = place;
        let new = self.augmented(operator, old, &value)?;
        match (target, index) {
            (Target::Name(_, name), _) => self.set(name, new, scope),
            (_, Some((of, index))) => self.set_index(&of, &index, new),
            _ => Ok(()),
        }
    }

    // Names.

    fn get(&self, name: &Name, scope: usize) -> Outcome {
        let mut at = Some(scope);
        while let Some(scope) = at.and_then(|at| self.scopes.get(at)) {
            if let Some(value) = scope.names.get(name) {
                return Ok(value.clone());
            }
            if scope
                .function
                .as_ref()
                .is_some_and(|f| f.locals.contains(name))
            {
                let message = format!("`{name}` has no value yet");
                return self.heap.value_error(message);
            }
            at = scope.above;
        }
        if &**name == "content" {
            return Ok(Value::Content);
        }
        if let Some(known) = super::builtins::find(name) {
            return Ok(Value::Builtin(known));
        }
        let mut error = self.heap.error(ScriptErrorKind::Name(name.to_string()));
        let global = self.scopes[0].names.keys().map(AsRef::as_ref);
        let known = global.chain(super::builtins::NAMES).chain(["content"]);
        error.help = mikron_yaml::nearest(name, known).map(|n| format!("did you mean `{n}`?"));
        Err(error)
    }

    fn open(&mut self, above: usize, function: Option<Rc<Function>>) -> Outcome<usize> {
        self.heap.charge(size_of::<Scope>())?;
        self.scopes.push(Scope {
            names: HashMap::new(),
            above: Some(above),
            function,
        });
        Ok(self.scopes.len() - 1)
    }

    // Expressions.

    pub(crate) fn evaluate(&mut self, expression: &Expression, scope: usize) -> Outcome {
        self.at(expression.place)?;
        // What has no parts needs no level of its own.
        match &expression.kind {
            Kind::None => Ok(Value::None),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Int(number) => Ok(Value::Int(*number)),
            Kind::Text(text) => Ok(Value::Text(Rc::clone(text))),
            Kind::Name(name) => self.get(name, scope),
            _ => {
                self.heap.down()?;
                let value = self.compound(expression, scope);
                self.heap.up();
                value
            }
        }
    }

    fn compound(&mut self, expression: &Expression, scope: usize) -> Outcome {
        match &expression.kind {
            Kind::List(items) => {
                let items = self.all(items, scope)?;
                self.heap.list(items)
            }
            Kind::Tuple(items) => {
                let items = self.all(items, scope)?;
                self.heap.tuple(items)
            }
            Kind::Dict(pairs) => self.dict(pairs, scope),
            Kind::Unary(operator, inner) => {
                let value = self.evaluate(inner, scope)?;
                self.heap.place = expression.place;
                self.heap.unary(*operator, &value)
            }
            Kind::Binary(operator, both) => {
                let left = self.evaluate(&both[0], scope)?;
                let right = self.evaluate(&both[1], scope)?;
                self.heap.place = expression.place;
                self.binary(*operator, &left, &right)
            }
            Kind::And(both) => {
                let left = self.evaluate(&both[0], scope)?;
                if self.heap.truth(&left) {
                    self.evaluate(&both[1], scope)
                } else {
                    Ok(left)
                }
            }
            Kind::Or(both) => {
                let left = self.evaluate(&both[0], scope)?;
                if self.heap.truth(&left) {
                    Ok(left)
                } else {
                    self.evaluate(&both[1], scope)
                }
            }
            Kind::If(parts) => {
                let condition = self.evaluate(&parts[0], scope)?;
                let chosen = if self.heap.truth(&condition) { 1 } else { 2 };
                self.evaluate(&parts[chosen], scope)
            }
            Kind::Attribute(of, name) => {
                let of = self.evaluate(of, scope)?;
                self.heap.place = expression.place;
                self.attribute(of, name)
            }
            Kind::Index(both) => {
                let of = self.evaluate(&both[0], scope)?;
                let index = self.evaluate(&both[1], scope)?;
                self.heap.place = expression.place;
                self.index(&of, &index)
            }
            Kind::Slice(of, parts) => {
                let of = self.evaluate(of, scope)?;
                let mut values = [Value::None, Value::None, Value::None];
                for (value, part) in values.iter_mut().zip(parts.iter()) {
                    if let Some(part) = part {
                        *value = self.evaluate(part, scope)?;
                    }
                }
                self.heap.place = expression.place;
                self.slice(&of, &values)
            }
            Kind::Call(callee, arguments) => {
                let callee = self.evaluate(callee, scope)?;
                let arguments = self.arguments(arguments, scope)?;
                self.heap.place = expression.place;
                self.call(&callee, arguments)
            }
            Kind::Lambda(function) => self.define(function, scope),
            Kind::ListOf(item, clauses) => {
                let inner = self.open(scope, None)?;
                let mut found = Vec::new();
                self.comprehend(clauses, inner, &mut |this: &mut Self| {
                    let value = this.evaluate(item, inner)?;
                    this.heap.charge_values(1)?;
                    found.push(value);
                    Ok(())
                })?;
                self.heap.list(found)
            }
            Kind::DictOf(both, clauses) => {
                let inner = self.open(scope, None)?;
                let mut found = Dict::default();
                self.comprehend(clauses, inner, &mut |this: &mut Self| {
                    let name = this.evaluate(&both[0], inner)?;
                    let value = this.evaluate(&both[1], inner)?;
                    this.put(&mut found, name, value)
                })?;
                self.heap.dict(found)
            }
            // Handled by the caller.
            Kind::None | Kind::Bool(_) | Kind::Int(_) | Kind::Text(_) | Kind::Name(_) => {
                self.evaluate(expression, scope)
            }
        }
    }

    pub(crate) fn put(&mut self, dict: &mut Dict, name: Value, value: Value) -> Outcome<()> {
        let key = self.heap.key(&name)?;
        self.heap
            .charge(2 * size_of::<super::value::Key>() + 2 * size_of::<Value>())?;
        dict.insert(key, name, value);
        Ok(())
    }

    fn all(&mut self, expressions: &[Expression], scope: usize) -> Outcome<Vec<Value>> {
        expressions
            .iter()
            .map(|e| self.evaluate(e, scope))
            .collect()
    }

    fn dict(&mut self, pairs: &[(Expression, Expression)], scope: usize) -> Outcome {
        let mut dict = Dict::default();
        for (key, value) in pairs {
            let name = self.evaluate(key, scope)?;
            let value = self.evaluate(value, scope)?;
            let before = dict.len();
            self.put(&mut dict, name, value)?;
            if dict.len() == before {
                self.heap.place = key.place;
                return self.heap.value_error("a key stands here twice");
            }
        }
        self.heap.dict(dict)
    }

    fn comprehend(
        &mut self,
        clauses: &[Clause],
        scope: usize,
        each: &mut dyn FnMut(&mut Self) -> Outcome<()>,
    ) -> Outcome<()> {
        let Some((clause, rest)) = clauses.split_first() else {
            return each(self);
        };
        self.heap.down()?;
        match clause {
            Clause::If(condition) => {
                let value = self.evaluate(condition, scope)?;
                if self.heap.truth(&value) {
                    self.comprehend(rest, scope, each)?;
                }
            }
            Clause::For(target, items) => {
                let items = self.evaluate(items, scope)?;
                let over = self.items(&items)?;
                self.heap.hold(&items, true);
                for item in over {
                    self.heap.step(1)?;
                    self.assign(target, item, scope)?;
                    self.comprehend(rest, scope, each)?;
                }
                self.heap.hold(&items, false);
            }
        }
        self.heap.up();
        Ok(())
    }

    /// The items of a value, as they are now.
    pub(crate) fn items(&mut self, value: &Value) -> Outcome<Items> {
        Ok(match value {
            Value::List(list) | Value::Tuple(list) => {
                self.heap.charge_values(self.heap.items(*list).len())?;
                Items::List(self.heap.items(*list).to_vec().into_iter())
            }
            Value::Dict(dict) => {
                self.heap.charge_values(self.heap.dict_of(*dict).len())?;
                let keys = self
                    .heap
                    .dict_of(*dict)
                    .items()
                    .map(|(name, _)| name.clone());
                Items::List(keys.collect::<Vec<_>>().into_iter())
            }
            Value::Range(range) => Items::Range(*range, 0),
            other => {
                let name = other.type_name();
                return self
                    .heap
                    .type_error(format!("a {name} has no items to run over"));
            }
        })
    }

    /// All items of a value at once.
    pub(crate) fn gather(&mut self, value: &Value) -> Outcome<Vec<Value>> {
        if let Value::Range(range) = value {
            self.heap
                .charge_values(usize::try_from(range.length).unwrap_or(usize::MAX))?;
        }
        Ok(self.items(value)?.collect())
    }

    // Calls.

    fn arguments(&mut self, arguments: &[Argument], scope: usize) -> Outcome<Arguments> {
        let mut found = Arguments {
            plain: Vec::new(),
            named: Vec::new(),
        };
        for argument in arguments {
            match argument {
                Argument::Plain(value) => found.plain.push(self.evaluate(value, scope)?),
                Argument::Named(name, value) => {
                    let value = self.evaluate(value, scope)?;
                    self.name_argument(&mut found, name.clone(), value)?;
                }
                Argument::List(values) => {
                    let values = self.evaluate(values, scope)?;
                    found.plain.extend(self.gather(&values)?);
                }
                Argument::Map(pairs) => {
                    let pairs = self.evaluate(pairs, scope)?;
                    let Value::Dict(dict) = pairs else {
                        return self.heap.type_error("a mapping follows `**`");
                    };
                    let entries = self.heap.dict_of(dict).items();
                    let entries: Vec<_> = entries.map(|(k, v)| (k.clone(), v.clone())).collect();
                    for (key, value) in entries {
                        let name = match &key {
                            Value::Text(text) => std::str::from_utf8(text).ok().map(Name::from),
                            _ => None,
                        };
                        let Some(name) = name else {
                            return self.heap.type_error("names of arguments are text");
                        };
                        self.name_argument(&mut found, name, value)?;
                    }
                }
            }
        }
        Ok(found)
    }

    fn name_argument(&mut self, found: &mut Arguments, name: Name, value: Value) -> Outcome<()> {
        self.heap.step(1 + found.named.len() as u64)?;
        if found.named.iter().any(|(other, _)| *other == name) {
            return self
                .heap
                .type_error(format!("the argument `{name}` is given twice"));
        }
        self.heap.charge_values(2)?;
        found.named.push((name, value));
        Ok(())
    }

    pub(crate) fn call(&mut self, callee: &Value, arguments: Arguments) -> Outcome {
        match callee {
            Value::Builtin(name) => self.builtin(name, arguments),
            Value::Method(method) => self.method(&method.0.clone(), method.1, arguments),
            Value::Function(number) => {
                let place = self.heap.place;
                let Some((function, defaults, above)) = self.heap.function_of(*number) else {
                    return Ok(Value::None);
                };
                let defaults = defaults.to_vec();
                if self
                    .running
                    .iter()
                    .any(|other| Rc::ptr_eq(other, &function))
                {
                    let name = &function.name;
                    let message = format!("`{name}` calls itself, which the language forbids");
                    return self.heap.value_error(message);
                }
                self.heap.down()?;
                let scope = self.open(above, Some(Rc::clone(&function)))?;
                self.bind(&function.parameters, arguments, defaults, scope)?;
                self.running.push(Rc::clone(&function));
                let result = match &function.body {
                    Body::Expression(value) => self.evaluate(value, scope),
                    Body::Block(block) => self.block(block, scope).map(|flow| match flow {
                        Flow::Return(value) => value,
                        _ => Value::None,
                    }),
                };
                self.running.pop();
                self.heap.up();
                let value = result?;
                self.heap.place = place;
                Ok(value)
            }
            other => {
                let name = other.type_name();
                self.heap.type_error(format!("a {name} cannot be called"))
            }
        }
    }

    /// Gives the parameters of a function their values.
    fn bind(
        &mut self,
        parameters: &[Parameter],
        arguments: Arguments,
        defaults: Vec<Value>,
        scope: usize,
    ) -> Outcome<()> {
        let mut plain = arguments.plain.into_iter();
        let mut named = arguments.named;
        let mut defaults = defaults.into_iter();
        let mut by_name_only = false;
        let mut rest = None;
        for parameter in parameters {
            let name = &parameter.name;
            let default = match &parameter.kind {
                ParameterKind::List => {
                    by_name_only = true;
                    if !name.is_empty() {
                        let items = self.heap.tuple(plain.by_ref().collect())?;
                        self.set(name, items, scope)?;
                    }
                    continue;
                }
                ParameterKind::Map => {
                    rest = Some(name);
                    continue;
                }
                ParameterKind::Default(_) => defaults.next(),
                ParameterKind::Plain => None,
            };
            let given = named.iter().position(|(other, _)| other == name);
            let given = given.map(|at| named.remove(at).1);
            let positional = if by_name_only { None } else { plain.next() };
            if given.is_some() && positional.is_some() {
                return self
                    .heap
                    .type_error(format!("the argument `{name}` is given twice"));
            }
            match positional.or(given).or(default) {
                Some(value) => self.set(name, value, scope)?,
                None => {
                    return self
                        .heap
                        .type_error(format!("the argument `{name}` is missing"));
                }
            }
        }
        if plain.next().is_some() {
            return self.heap.type_error("there are too many arguments");
        }
        if let Some(name) = rest {
            let mut dict = Dict::default();
            for (name, value) in named.drain(..) {
                let name = self.heap.text(name.as_bytes())?;
                self.put(&mut dict, name, value)?;
            }
            let dict = self.heap.dict(dict)?;
            return self.set(name, dict, scope);
        }
        match named.first() {
            Some((name, _)) => self
                .heap
                .type_error(format!("there is no argument `{name}`")),
            None => Ok(()),
        }
    }
}
