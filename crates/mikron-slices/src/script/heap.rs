//! Where all lists, tuples, mappings and functions of a run live, and what it has used up.

use std::rc::Rc;

use super::tree::{Function, Place};
use super::value::{Dict, Value};
use super::{ScriptError, ScriptErrorKind, ScriptLimits};

/// Deepest evaluation: expressions in expressions, calls in calls. Each level takes some kilobytes of stack in a debug
/// build, and a thread has two megabytes.
pub(crate) const MAX_DEPTH: usize = 200;

#[derive(Debug)]
pub(crate) enum Object {
    List {
        items: Vec<Value>,
        /// How many loops run over it; while any does, it cannot change.
        loops: usize,
    },
    Tuple(Rc<[Value]>),
    Dict {
        dict: Dict,
        loops: usize,
    },
    Function {
        function: Rc<Function>,
        /// Values of the parameters that have one, in their order.
        defaults: Vec<Value>,
        /// The scope that it was defined in.
        scope: usize,
    },
}

/// Objects by number, and the account of steps, bytes and depth.
pub(crate) struct Heap {
    objects: Vec<Object>,
    empty: Dict,
    limits: ScriptLimits,
    steps: u64,
    memory: u64,
    pub(crate) depth: usize,
    /// Where the run is, for errors.
    pub(crate) place: Place,
}

pub(crate) type Outcome<T = Value> = Result<T, ScriptError>;

impl Heap {
    pub(crate) fn new(limits: ScriptLimits) -> Self {
        Self {
            objects: Vec::new(),
            empty: Dict::default(),
            limits,
            steps: 0,
            memory: 0,
            depth: 0,
            place: Place { line: 1, column: 1 },
        }
    }

    pub(crate) fn limits(&self) -> &ScriptLimits {
        &self.limits
    }

    pub(crate) fn error(&self, kind: ScriptErrorKind) -> ScriptError {
        ScriptError {
            line: self.place.line as usize,
            column: self.place.column as usize,
            kind,
            help: None,
        }
    }

    pub(crate) fn type_error<T>(&self, message: impl Into<String>) -> Outcome<T> {
        Err(self.error(ScriptErrorKind::Type(message.into())))
    }

    pub(crate) fn value_error<T>(&self, message: impl Into<String>) -> Outcome<T> {
        Err(self.error(ScriptErrorKind::Value(message.into())))
    }

    /// Counts steps.
    pub(crate) fn step(&mut self, count: u64) -> Outcome<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > self.limits.steps {
            return Err(self.error(ScriptErrorKind::Steps(self.limits.steps)));
        }
        Ok(())
    }

    /// Counts the work of going over so many bytes.
    pub(crate) fn work(&mut self, bytes: usize) -> Outcome<()> {
        self.step(1 + bytes as u64 / 64)
    }

    /// Counts bytes, before they are asked for.
    pub(crate) fn charge(&mut self, bytes: usize) -> Outcome<()> {
        self.memory = self.memory.saturating_add(bytes as u64);
        if self.memory > self.limits.memory {
            return Err(self.error(ScriptErrorKind::Memory(self.limits.memory)));
        }
        self.work(bytes)
    }

    /// Counts so many values.
    pub(crate) fn charge_values(&mut self, count: usize) -> Outcome<()> {
        self.charge(count.saturating_mul(size_of::<Value>()))
    }

    /// Goes one level down; [`Heap::up`] comes back.
    pub(crate) fn down(&mut self) -> Outcome<()> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(ScriptErrorKind::Depth));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn up(&mut self) {
        self.depth -= 1;
    }

    fn object(&mut self, object: Object) -> Outcome<u32> {
        self.charge(size_of::<Object>())?;
        let number = u32::try_from(self.objects.len());
        let number = number.map_err(|_| self.error(ScriptErrorKind::Memory(self.limits.memory)))?;
        self.objects.push(object);
        Ok(number)
    }

    pub(crate) fn text(&mut self, text: impl Into<Rc<[u8]>>) -> Outcome {
        let text = text.into();
        self.charge(text.len())?;
        Ok(Value::Text(text))
    }

    /// The items are charged here; who collects many charges before it collects.
    pub(crate) fn list(&mut self, items: Vec<Value>) -> Outcome {
        self.charge_values(items.len())?;
        Ok(Value::List(self.object(Object::List { items, loops: 0 })?))
    }

    pub(crate) fn tuple(&mut self, items: Vec<Value>) -> Outcome {
        self.charge_values(items.len())?;
        Ok(Value::Tuple(self.object(Object::Tuple(items.into()))?))
    }

    pub(crate) fn dict(&mut self, dict: Dict) -> Outcome {
        Ok(Value::Dict(self.object(Object::Dict { dict, loops: 0 })?))
    }

    pub(crate) fn function(
        &mut self,
        function: &Rc<Function>,
        defaults: Vec<Value>,
        scope: usize,
    ) -> Outcome {
        self.charge_values(defaults.len())?;
        let function = Rc::clone(function);
        let object = Object::Function {
            function,
            defaults,
            scope,
        };
        Ok(Value::Function(self.object(object)?))
    }

    // Numbers of objects only come from here, with the kind that they were made of.

    pub(crate) fn items(&self, list: u32) -> &[Value] {
        match self.objects.get(list as usize) {
            Some(Object::List { items, .. }) => items,
            Some(Object::Tuple(items)) => items,
            _ => &[],
        }
    }

    pub(crate) fn tuple_items(&self, tuple: u32) -> Rc<[Value]> {
        match self.objects.get(tuple as usize) {
            Some(Object::Tuple(items)) => Rc::clone(items),
            _ => Rc::new([]),
        }
    }

    /// The items of a list that is about to change.
    pub(crate) fn items_mut(&mut self, list: u32) -> Outcome<&mut Vec<Value>> {
        let looped = self.error(ScriptErrorKind::Value(
            "a list cannot change while a loop runs over it".to_owned(),
        ));
        match self.objects.get_mut(list as usize) {
            Some(Object::List { items, loops: 0 }) => Ok(items),
            _ => Err(looped),
        }
    }

    pub(crate) fn dict_of(&self, dict: u32) -> &Dict {
        match self.objects.get(dict as usize) {
            Some(Object::Dict { dict, .. }) => dict,
            _ => &self.empty,
        }
    }

    /// A mapping that is about to change.
    pub(crate) fn dict_mut(&mut self, dict: u32) -> Outcome<&mut Dict> {
        let looped = self.error(ScriptErrorKind::Value(
            "a mapping cannot change while a loop runs over it".to_owned(),
        ));
        match self.objects.get_mut(dict as usize) {
            Some(Object::Dict { dict, loops: 0 }) => Ok(dict),
            _ => Err(looped),
        }
    }

    pub(crate) fn function_of(&self, number: u32) -> Option<(Rc<Function>, &[Value], usize)> {
        match self.objects.get(number as usize) {
            Some(Object::Function {
                function,
                defaults,
                scope,
            }) => Some((Rc::clone(function), defaults, *scope)),
            _ => None,
        }
    }

    /// Marks that a loop runs over `value`, or no longer does.
    pub(crate) fn hold(&mut self, value: &Value, held: bool) {
        let (Value::List(number) | Value::Dict(number)) = value else {
            return;
        };
        if let Some(Object::List { loops, .. } | Object::Dict { loops, .. }) =
            self.objects.get_mut(*number as usize)
        {
            *loops = if held {
                *loops + 1
            } else {
                loops.saturating_sub(1)
            };
        }
    }
}
