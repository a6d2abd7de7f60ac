//! What Python says once of a process and one of its logs: which lines are usual, and what they add to the metrics.
//! The classes in `aiwatch/ingest/core.py` of the same names say what each part means.

use std::collections::HashMap;

use hashbrown::HashMap as Map;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::personal::Personal;

#[derive(FromPyObject)]
struct PlanText {
    process: String,
    tag: Option<String>,
    types: Vec<TypeText>,
    bounds: HashMap<String, Vec<f64>>,
    names: Names,
    suspicious: Option<String>,
    emails: bool,
}

/// Metrics that every kind has, and the label of a version that is not told.
#[derive(FromPyObject)]
pub struct Names {
    pub errors: String,
    pub newest: String,
    pub missing: String,
    pub invalid: String,
    pub sessions: String,
    pub unknown: String,
}

#[derive(FromPyObject)]
struct TypeText {
    name: String,
    tags: Vec<String>,
    head: (String, String),
    fields: Vec<FieldText>,
    recipe: RecipeText,
    features: Vec<(String, FeatureText)>,
}

#[derive(FromPyObject)]
struct FieldText {
    name: String,
    key: String,
    kind: String,
    required: bool,
    nullable: bool,
    low: f64,
    high: f64,
    choices: Vec<String>,
    text: bool,
}

#[derive(FromPyObject)]
struct RecipeText {
    counter: String,
    labels: Vec<LabelText>,
    traffic: bool,
    failure: Option<(String, Option<String>)>,
    observed: Vec<(String, String)>,
    summed: Vec<(String, String, String)>,
    session: Option<String>,
}

#[derive(FromPyObject)]
struct LabelText {
    field: Option<String>,
    absent: String,
}

#[derive(FromPyObject)]
struct FeatureText {
    #[pyo3(attribute("type"))]
    kind: String,
    min: Option<f64>,
    max: Option<f64>,
    values: Vec<String>,
}

pub struct Plan {
    pub process: String,
    /// The key that tells the types apart, if there is one.
    pub tag: Option<Vec<u8>>,
    pub types: Vec<Type>,
    pub names: Names,
    pub personal: Option<Personal>,
    /// How many columns of each sort a record has, whatever its type.
    pub symbols: usize,
    pub numbers: usize,
    pub integers: usize,
}

pub struct Type {
    pub name: String,
    /// The values of the tag that tell of this type; none if this log has no such lines.
    pub tags: Vec<Vec<u8>>,
    /// How its documents begin, before and behind the day.
    pub head: (String, String),
    pub fields: Vec<Field>,
    pub features: Vec<Feature>,
    pub features_by_name: Map<Vec<u8>, usize>,
    pub recipe: Recipe,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Time,
    Id,
    Text,
    Number,
    /// A number, or true (1) and false (0).
    Truth,
    Integer,
    Features,
    /// Any value that is no object or list.
    Scalar,
}

pub struct Field {
    pub key: Vec<u8>,
    pub kind: Kind,
    pub required: bool,
    pub nullable: bool,
    pub low: f64,
    pub high: f64,
    pub choices: Vec<Vec<u8>>,
    /// Whether personal data is looked for.
    pub text: bool,
    pub column: Option<Column>,
    /// When a value tells of a failure: always unless empty (inner None), or when it is this one.
    pub failure: Option<Option<Vec<u8>>>,
}

/// Where the fold finds a value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Column {
    Symbol(usize),
    Number(usize),
    Integer(usize),
    Session,
    Trace,
}

pub struct Feature {
    pub name: String,
    pub numeric: bool,
    pub min: f64,
    pub max: f64,
    pub values: Vec<Vec<u8>>,
}

pub struct Recipe {
    pub counter: String,
    /// The symbol column (None: always absent) and the value of what is absent.
    pub labels: Vec<(Option<usize>, String)>,
    /// The symbol column of the model version, of traffic.
    pub version: Option<usize>,
    pub traffic: bool,
    pub fails: bool,
    pub observed: Vec<Observed>,
    pub summed: Vec<(String, String, Column)>,
    pub sessions: bool,
}

pub struct Observed {
    pub metric: String,
    pub column: usize,
    pub bounds: Vec<f64>,
}

pub const MOST_LABELS: usize = 3;
const MOST_FIELDS: usize = 64; // one bit each tells which were seen

impl Plan {
    pub fn read(plan: &Bound<'_, PyAny>) -> PyResult<Plan> {
        let text: PlanText = plan.extract()?;
        let personal = (text.emails || text.suspicious.is_some())
            .then(|| Personal::new(text.emails, text.suspicious.as_deref()))
            .transpose()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let types = text.types.into_iter().map(|each| Type::new(each, &text.bounds)).collect::<PyResult<Vec<_>>>()?;
        let most = |which: fn(Column) -> Option<usize>| {
            let columns = types.iter().flat_map(|each| &each.fields).filter_map(|field| field.column);
            columns.filter_map(which).map(|column| column + 1).max().unwrap_or(0)
        };
        Ok(Plan {
            process: text.process,
            tag: text.tag.map(String::into_bytes),
            symbols: most(|column| if let Column::Symbol(place) = column { Some(place) } else { None }),
            numbers: most(|column| if let Column::Number(place) = column { Some(place) } else { None }),
            integers: most(|column| if let Column::Integer(place) = column { Some(place) } else { None }),
            types,
            names: text.names,
            personal,
        })
    }

    /// The type called `name`.
    pub fn type_named(&self, name: &str) -> Option<usize> {
        self.types.iter().position(|each| each.name == name)
    }
}

impl Type {
    fn new(text: TypeText, bounds: &HashMap<String, Vec<f64>>) -> PyResult<Type> {
        if text.fields.len() > MOST_FIELDS || text.recipe.labels.len() > MOST_LABELS {
            return Err(PyValueError::new_err(format!("{} has too many fields or labels", text.name)));
        }
        let names: Vec<String> = text.fields.iter().map(|field| field.name.clone()).collect();
        let mut fields = text.fields.into_iter().map(Field::new).collect::<PyResult<Vec<_>>>()?;
        let recipe = Recipe::new(text.recipe, &names, &mut fields, bounds)?;
        let features: Vec<Feature> = text.features.into_iter().map(Feature::new).collect();
        Ok(Type {
            name: text.name,
            tags: text.tags.into_iter().map(String::into_bytes).collect(),
            head: text.head,
            fields,
            features_by_name: features
                .iter()
                .enumerate()
                .map(|(at, each)| (each.name.clone().into_bytes(), at))
                .collect(),
            features,
            recipe,
        })
    }
}

impl Field {
    fn new(text: FieldText) -> PyResult<Field> {
        let kind = match text.kind.as_str() {
            "time" => Kind::Time,
            "id" => Kind::Id,
            "text" => Kind::Text,
            "number" => Kind::Number,
            "truth" => Kind::Truth,
            "integer" => Kind::Integer,
            "features" => Kind::Features,
            "scalar" => Kind::Scalar,
            other => return Err(PyValueError::new_err(format!("no field is of the kind {other}"))),
        };
        Ok(Field {
            key: text.key.into_bytes(),
            kind,
            required: text.required,
            nullable: text.nullable,
            low: text.low,
            high: text.high,
            choices: text.choices.into_iter().map(String::into_bytes).collect(),
            text: text.text,
            column: None,
            failure: None,
        })
    }
}

impl Feature {
    fn new((name, text): (String, FeatureText)) -> Feature {
        Feature {
            name,
            numeric: text.kind == "numeric",
            min: text.min.unwrap_or(f64::NEG_INFINITY),
            max: text.max.unwrap_or(f64::INFINITY),
            values: text.values.into_iter().map(String::into_bytes).collect(),
        }
    }
}

impl Recipe {
    /// Read a recipe, and give columns to the fields that it names.
    fn new(
        text: RecipeText,
        names: &[String],
        fields: &mut [Field],
        bounds: &HashMap<String, Vec<f64>>,
    ) -> PyResult<Recipe> {
        let mut used = [0usize; 3]; // symbols, numbers, integers
        let mut column = |name: &str, fixed: Option<Column>| -> PyResult<Column> {
            let field = names.iter().position(|each| each == name);
            let field =
                &mut fields[field.ok_or_else(|| PyValueError::new_err(format!("no field is called {name}")))?];
            if let Some(found) = field.column {
                return Ok(found);
            }
            let (sort, made): (usize, fn(usize) -> Column) = match field.kind {
                Kind::Number | Kind::Truth => (1, Column::Number),
                Kind::Integer => (2, Column::Integer),
                _ => (0, Column::Symbol),
            };
            let made = fixed.unwrap_or_else(|| {
                used[sort] += 1;
                made(used[sort] - 1)
            });
            field.column = Some(made);
            Ok(made)
        };
        let mut symbol = |name: &str| match column(name, None)? {
            Column::Symbol(place) => Ok(place),
            _ => Err(PyValueError::new_err(format!("{name} is no text"))),
        };
        let version = if text.traffic { Some(symbol("model_version")?) } else { None };
        let mut labels = Vec::new();
        for label in text.labels {
            labels.push((label.field.as_deref().map(&mut symbol).transpose()?, label.absent));
        }
        if text.traffic {
            column("trace_id", Some(Column::Trace))?;
        }
        if let Some(name) = &text.session {
            column(name, Some(Column::Session))?;
        }
        let mut observed = Vec::new();
        for (metric, name) in text.observed {
            let (Column::Number(place), Some(bounds)) = (column(&name, None)?, bounds.get(&metric)) else {
                return Err(PyValueError::new_err(format!("{metric} cannot observe {name}")));
            };
            observed.push(Observed { metric, column: place, bounds: bounds.clone() });
        }
        let mut summed = Vec::new();
        for (metric, label, name) in text.summed {
            summed.push((metric, label, column(&name, None)?));
        }
        let fails = text.failure.is_some();
        if let Some((name, value)) = text.failure {
            let field = names.iter().position(|each| *each == name);
            let field = field.ok_or_else(|| PyValueError::new_err(format!("no field is called {name}")))?;
            fields[field].failure = Some(value.map(String::into_bytes));
        }
        Ok(Recipe {
            counter: text.counter,
            labels,
            version,
            traffic: text.traffic,
            fails,
            observed,
            summed,
            sessions: text.session.is_some(),
        })
    }
}
