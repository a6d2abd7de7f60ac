//! What Python says once of a process and one of its logs: which lines are usual, and what they add to the metrics.
//! The classes in `aiwatch/ingest/core.py` of the same names say what each part means.

use std::collections::HashMap;

use hashbrown::HashMap as Map;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::personal::Personal;
use crate::profile::{Profile, ProfileText, Shape};

#[derive(FromPyObject)]
struct PlanText {
    process: String,
    tag: Option<String>,
    types: Vec<TypeText>,
    bounds: HashMap<String, Vec<f64>>,
    names: Names,
    suspicious: Option<String>,
    emails: bool,
    profile: Option<ProfileText>,
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
    columns: Vec<String>,
    features: Vec<(String, Option<FeatureText>)>,
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
    /// How predictions are counted, where there is a baseline; they are of the type at this place.
    pub profile: Option<(usize, Profile)>,
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
    /// The key as it usually stands in a line, with its quotes and colon.
    pub quoted: Vec<u8>,
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
    pub quoted: Vec<u8>,
    /// What the catalogue says of its values, if it names the feature.
    pub check: Option<Check>,
    /// Its place in the baseline, if it is there.
    pub place: Option<usize>,
    /// Whether only a number can be valid and in a bin, and nothing else is looked at.
    pub plain: bool,
    /// Which feature it is of those whose values are looked at apart, and these values, counted from 1.
    pub segments: Option<(usize, Map<Vec<u8>, u16>)>,
}

/// Which values are valid.
pub struct Check {
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
        let bounds = &text.bounds;
        let profiled = text.profile.as_ref();
        let types =
            text.types.into_iter().map(|each| Type::new(each, bounds, profiled)).collect::<PyResult<Vec<_>>>()?;
        let profile = profiled.map(|profiled| read_profile(profiled, &types, &text.names)).transpose()?;
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
            profile,
        })
    }

    /// The type called `name`.
    pub fn type_named(&self, name: &str) -> Option<usize> {
        self.types.iter().position(|each| each.name == name)
    }
}

impl Type {
    fn new(text: TypeText, bounds: &HashMap<String, Vec<f64>>, profile: Option<&ProfileText>) -> PyResult<Type> {
        if text.fields.len() > MOST_FIELDS || text.recipe.labels.len() > MOST_LABELS {
            return Err(PyValueError::new_err(format!("{} has too many fields or labels", text.name)));
        }
        let names: Vec<String> = text.fields.iter().map(|field| field.name.clone()).collect();
        let mut fields = text.fields.into_iter().map(Field::new).collect::<PyResult<Vec<_>>>()?;
        let recipe = Recipe::new(text.recipe, &text.columns, &names, &mut fields, bounds)?;
        let features: Vec<Feature> = text.features.into_iter().map(|each| Feature::new(each, profile)).collect();
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
            quoted: quoted(&text.key),
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

/// A key with its quotes and colon; one that needs escapes is never found so, but taken apart.
fn quoted(key: &str) -> Vec<u8> {
    format!("\"{key}\":").into_bytes()
}

impl Feature {
    fn new((name, text): (String, Option<FeatureText>), profile: Option<&ProfileText>) -> Feature {
        let place = profile.and_then(|profile| profile.features.iter().position(|shape| shape.name == name));
        let segments = profile.and_then(|profile| {
            let which = profile.segments.iter().position(|(feature, _)| Some(*feature) == place)?;
            let values = profile.segments[which].1.iter().zip(1..);
            Some((which, values.map(|(value, number)| (value.clone().into_bytes(), number)).collect()))
        });
        let check = text.map(|text| Check {
            numeric: text.kind == "numeric",
            min: text.min.unwrap_or(f64::NEG_INFINITY),
            max: text.max.unwrap_or(f64::INFINITY),
            values: text.values.into_iter().map(String::into_bytes).collect(),
        });
        let numeric = profile.zip(place).is_none_or(|(profile, place)| profile.features[place].edges.is_some());
        let plain = numeric && segments.is_none() && check.as_ref().is_none_or(|check| check.numeric);
        Feature { quoted: quoted(&name), name, check, place, plain, segments }
    }
}

/// How many products of two scores can be added in single precision, which holds integers up to 2^24.
fn exact_rows<'a>(scores: impl Iterator<Item = &'a i32>) -> u32 {
    let largest = scores.map(|score| u64::from(score.unsigned_abs())).max().unwrap_or(0).max(1);
    ((1 << 24) / (largest * largest)).min(1 << 20) as u32
}

fn read_profile(text: &ProfileText, types: &[Type], names: &Names) -> PyResult<(usize, Profile)> {
    let lacking = || PyValueError::new_err("no type has what is profiled");
    let kind = types.iter().position(|each| each.fields.iter().any(|field| field.kind == Kind::Features));
    let kind = kind.ok_or_else(lacking)?;
    let column = |name: &str| types[kind].fields.iter().find(|field| field.key == name.as_bytes())?.column;
    let number = |name: &str| match column(name) {
        Some(Column::Number(place)) => Ok(place),
        _ => Err(lacking()),
    };
    let symbol = |name: &str| match column(name) {
        Some(Column::Symbol(place)) => Ok(place),
        _ => Err(lacking()),
    };
    let exact_rows = exact_rows(text.relations.iter().flat_map(|(_, scores)| scores));
    if exact_rows == 0 {
        return Err(PyValueError::new_err("the scores of a baseline are larger than any that aiwatch makes"));
    }
    let profile = Profile {
        shapes: text.features.iter().map(Shape::new).collect::<PyResult<_>>()?,
        relations: text
            .relations
            .iter()
            .map(|(place, scores)| (*place, scores.iter().map(|&score| score as f32).collect()))
            .collect(),
        exact_rows,
        prediction: text
            .prediction
            .as_ref()
            .map(|(place, name)| Ok::<_, PyErr>((*place, number(name)?)))
            .transpose()?,
        decision: text.decision.as_deref().map(symbol).transpose()?,
        latency: number("latency")?,
        label: number("label")?,
        version: symbol("model_version")?,
        segments: text.segments.iter().map(|(_, values)| values.len()).collect(),
        latency_bounds: text.latency_bounds.clone(),
        most_unseen: text.most_unseen,
        most_repeats: text.most_repeats,
        longest: text.longest,
        largest: text.largest,
        other: text.other.clone(),
        unknown: names.unknown.clone(),
    };
    Ok((kind, profile))
}

impl Recipe {
    /// Read a recipe, and give columns to the fields that it names, and to `further` ones.
    fn new(
        text: RecipeText,
        further: &[String],
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
        for name in further {
            column(name, None)?;
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
