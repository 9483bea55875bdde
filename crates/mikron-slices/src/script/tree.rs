//! A script as a tree.

use std::collections::BTreeSet;
use std::rc::Rc;

/// A place in the script: line and column from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

pub(crate) type Name = Rc<str>;
pub(crate) type Block = Vec<Statement>;

#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
    /// How many levels lie below, this one included.
    pub(crate) height: u16,
}

#[derive(Debug)]
pub(crate) enum Kind {
    None,
    Bool(bool),
    Int(i64),
    Text(Rc<[u8]>),
    Name(Name),
    List(Vec<Expression>),
    Tuple(Vec<Expression>),
    Dict(Vec<(Expression, Expression)>),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<[Expression; 2]>),
    And(Box<[Expression; 2]>),
    Or(Box<[Expression; 2]>),
    /// Condition, then, else.
    If(Box<[Expression; 3]>),
    Attribute(Box<Expression>, Name),
    Index(Box<[Expression; 2]>),
    Slice(Box<Expression>, Box<[Option<Expression>; 3]>),
    Call(Box<Expression>, Vec<Argument>),
    Lambda(Rc<Function>),
    ListOf(Box<Expression>, Vec<Clause>),
    DictOf(Box<[Expression; 2]>, Vec<Clause>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    Not,
    Minus,
    Plus,
    Invert,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    NotIn,
    BitOr,
    BitAnd,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug)]
pub(crate) enum Argument {
    Plain(Expression),
    Named(Name, Expression),
    /// `*args`
    List(Expression),
    /// `**kwargs`
    Map(Expression),
}

#[derive(Debug)]
pub(crate) enum Clause {
    For(Target, Expression),
    If(Expression),
}

/// What can stand left of `=`.
#[derive(Debug)]
pub(crate) enum Target {
    Name(Place, Name),
    Index(Place, Box<[Expression; 2]>),
    Several(Place, Vec<Target>),
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) place: Place,
    pub(crate) kind: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    Expression(Expression),
    Assign(Target, Expression),
    Augment(Target, Binary, Expression),
    For(Target, Expression, Block),
    /// Conditions with their blocks, and the block for none of them.
    If(Vec<(Expression, Block)>, Block),
    Define(Rc<Function>),
    Return(Option<Expression>),
    Break,
    Continue,
    Pass,
}

#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Name,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Body,
    /// Names that belong to the function: its parameters and what it assigns.
    pub(crate) locals: BTreeSet<Name>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Block(Block),
    Expression(Expression),
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: Name,
    pub(crate) kind: ParameterKind,
}

#[derive(Debug)]
pub(crate) enum ParameterKind {
    Plain,
    Default(Expression),
    /// `*args`, or a bare `*` with an empty name.
    List,
    Map,
}
