//! Custom resources that must be taken or refused, generated from the definition's own schema.

use serde_json::{Map, Value, json};

/// One edit of an otherwise empty `spec`, and what the API server must say to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What is done to which field, such as `spec.kafka.storage.size above`.
    pub name: String,
    pub spec: Value,
    /// The field that the refusal must name; nothing where the edit must be taken.
    pub refused_at: Option<String>,
}

/// What the schema cannot tell by its structure: values of a field with a pattern or a rule of its own.
#[derive(Debug, Clone, Copy)]
pub struct Texts {
    /// The end of the field's path.
    pub path: &'static str,
    /// Values within the rule, its two ends among them.
    pub good: &'static [&'static str],
    /// Values just below and just above what the rule allows, and malformed ones.
    pub bad: &'static [&'static str],
    /// Whether a row of `a` up to the longest length is good.
    pub any_letters: bool,
}

/// A definition's schema has something that no case can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    #[error("{path}: cases for {found} are not known here; teach tests/src/cases.rs")]
    Unknown { path: String, found: String },
    #[error("{path}: a rule or pattern guards it; give values on both sides of it in tests/bad_crs.rs")]
    NoTexts { path: String },
    #[error("{path}: its length has no bound")]
    Unbounded { path: String },
}

/// Every case for the schema of `spec`: for each field something below, above, too long, of a wrong type and an
/// unknown sibling, as far as the field has it, and the neighbours that are still good. `texts` is searched in its
/// order for the end of a path.
pub fn cases(spec: &Value, texts: &[Texts]) -> Result<Vec<Case>, CaseError> {
    let mut walk = Walk { texts, cases: Vec::new() };
    walk.field(&["spec".to_owned()], spec)?;
    Ok(walk.cases)
}

struct Walk<'a> {
    texts: &'a [Texts],
    cases: Vec<Case>,
}

impl Walk<'_> {
    fn field(&mut self, path: &[String], schema: &Value) -> Result<(), CaseError> {
        let int_or_string = schema["x-kubernetes-int-or-string"] == true;
        match schema["type"].as_str() {
            Some("object") => self.object(path, schema),
            Some("array") => self.array(path, schema),
            Some("string") if schema["enum"].is_array() => {
                self.choice(path, schema);
                Ok(())
            }
            Some("string") => self.text(path, schema),
            Some("boolean") => {
                self.good(path, "true", json!(true));
                self.wrong_types(path, &[json!("true"), json!(1), json!({}), json!([])]);
                Ok(())
            }
            Some("integer") => self.number(path, schema),
            None if int_or_string => self.quantity(path),
            other => Err(CaseError::Unknown { path: path.join("."), found: format!("{other:?}") }),
        }
    }

    fn object(&mut self, path: &[String], schema: &Value) -> Result<(), CaseError> {
        let Some(properties) = schema["properties"].as_object() else {
            return Err(CaseError::Unknown { path: path.join("."), found: "a map".to_owned() });
        };
        self.wrong_types(path, &[json!("text"), json!(7), json!(true), json!([])]);
        self.bad(&child(path, "nonsense"), "unknown sibling", json!("x"));
        for (name, schema) in properties {
            self.field(&child(path, name), schema)?;
        }
        Ok(())
    }

    /// An array of objects: one good item, one too many, and each field of an item.
    fn array(&mut self, path: &[String], schema: &Value) -> Result<(), CaseError> {
        self.wrong_types(path, &[json!("text"), json!(7), json!({})]);
        let most =
            schema["maxItems"].as_u64().ok_or_else(|| CaseError::Unbounded { path: path.join(".") })?;
        let item = |number: u64| json!({"name": format!("item-{number}")});
        self.good(path, "full", (0..most).map(item).collect());
        self.bad(path, "too many", (0..=most).map(item).collect());
        self.bad(path, "twice the same", json!([item(0), item(0)]));
        let inside = child(path, "[0]");
        self.bad(&child(&inside, "nonsense"), "unknown sibling", json!("x"));
        self.wrong_types(&inside, &[json!("text"), json!(7), json!([])]);
        for name in schema["items"]["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut case = Self::case(&inside, "missing", json!({}));
            case.refused_at = Some(told(&child(&inside, name)));
            self.cases.push(case);
        }
        for (name, schema) in schema["items"]["properties"].as_object().into_iter().flatten() {
            self.field(&child(&inside, name), schema)?;
        }
        Ok(())
    }

    fn choice(&mut self, path: &[String], schema: &Value) {
        for symbol in schema["enum"].as_array().into_iter().flatten() {
            self.good(path, &symbol.to_string(), symbol.clone());
        }
        self.bad(path, "unknown value", json!("Nonsense"));
        self.bad(path, "empty", json!(""));
        self.wrong_types(path, &[json!(7), json!(true), json!({}), json!([])]);
    }

    fn text(&mut self, path: &[String], schema: &Value) -> Result<(), CaseError> {
        let longest =
            schema["maxLength"].as_u64().ok_or_else(|| CaseError::Unbounded { path: path.join(".") })?;
        let longest = usize::try_from(longest).unwrap_or(usize::MAX);
        self.bad(path, "too long", json!("a".repeat(longest + 1)));
        self.wrong_types(path, &[json!(7), json!(true), json!({}), json!([])]);
        match self.texts_for(path) {
            Some(texts) => {
                self.texts(path, texts);
                if texts.any_letters {
                    self.good(path, "as long as can be", json!("a".repeat(longest)));
                }
            }
            None if schema["x-kubernetes-validations"].is_array() || schema["pattern"].is_string() => {
                return Err(CaseError::NoTexts { path: path.join(".") });
            }
            None => self.good(path, "as long as can be", json!("a".repeat(longest))),
        }
        if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
            self.bad(path, "empty", json!(""));
        }
        Ok(())
    }

    fn number(&mut self, path: &[String], schema: &Value) -> Result<(), CaseError> {
        let bound = |name: &str| {
            #[allow(clippy::cast_possible_truncation)] // a bound of an integer is one, however it is written
            let whole = schema[name].as_f64().map(|bound| bound as i64);
            whole.ok_or_else(|| CaseError::Unbounded { path: path.join(".") })
        };
        let (least, most) = (bound("minimum")?, bound("maximum")?);
        self.good(path, "least", json!(least));
        self.good(path, "most", json!(most));
        self.bad(path, "below", json!(least - 1));
        self.bad(path, "above", json!(most + 1));
        self.bad(path, "far above", json!(i64::from(i32::MAX) + 1));
        self.wrong_types(path, &[json!("1"), json!(1.5), json!(true), json!({}), json!([])]);
        Ok(())
    }

    fn quantity(&mut self, path: &[String]) -> Result<(), CaseError> {
        let texts = self.texts_for(path).ok_or_else(|| CaseError::NoTexts { path: path.join(".") })?;
        self.texts(path, texts);
        let whole =
            |texts: &[&str]| -> Vec<i64> { texts.iter().filter_map(|text| text.parse().ok()).collect() };
        for number in whole(texts.good) {
            self.good(path, &number.to_string(), json!(number));
        }
        for number in whole(texts.bad) {
            self.bad(path, &number.to_string(), json!(number));
        }
        self.bad(path, "too long", json!("1".repeat(64)));
        self.wrong_types(path, &[json!(true), json!(1.5), json!({}), json!([])]);
        Ok(())
    }

    fn texts(&mut self, path: &[String], texts: Texts) {
        for text in texts.good {
            self.good(path, &format!("{text:?}"), json!(text));
        }
        for text in texts.bad {
            self.bad(path, &format!("{text:?}"), json!(text));
        }
    }

    fn texts_for(&self, path: &[String]) -> Option<Texts> {
        let path = path.join(".");
        self.texts.iter().find(|texts| path.ends_with(texts.path)).copied()
    }

    fn wrong_types(&mut self, path: &[String], values: &[Value]) {
        for value in values {
            self.bad(path, &format!("wrong type {value}"), value.clone());
        }
    }

    fn good(&mut self, path: &[String], what: &str, value: Value) {
        let case = Self::case(path, what, value);
        self.cases.push(case);
    }

    fn bad(&mut self, path: &[String], what: &str, value: Value) {
        let mut case = Self::case(path, what, value);
        case.refused_at = Some(told(path));
        self.cases.push(case);
    }

    fn case(path: &[String], what: &str, value: Value) -> Case {
        let spec = path[1..].iter().rev().fold(value, |inner, part| match part.as_str() {
            "[0]" => json!([inner]),
            // An item of a list is known by its name.
            _ if part == "nonsense" && path.contains(&"[0]".to_owned()) => {
                json!({"name": "x", "nonsense": inner})
            }
            name => Value::Object(Map::from_iter([(name.to_owned(), inner)])),
        });
        Case { name: format!("{} {what}", path.join(".")), spec, refused_at: None }
    }
}

fn child(path: &[String], name: &str) -> Vec<String> {
    let mut longer = path.to_vec();
    longer.push(name.to_owned());
    longer
}

/// The part of the path that every wording of a refusal has: a rule's own message begins below `spec`, and an item of a
/// list is told by its place or by its name.
fn told(path: &[String]) -> String {
    let last_list = path.iter().position(|part| part == "[0]").unwrap_or(path.len());
    let from = usize::from(path.len() > 1);
    path[from..last_list].join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(schema: &Value, texts: &[Texts]) -> Vec<String> {
        let cases = cases(schema, texts).expect("cases");
        let told = |case: Case| match case.refused_at {
            Some(field) => format!("{} -> {} ({field})", case.name, case.spec),
            None => format!("{} -> {} (good)", case.name, case.spec),
        };
        cases.into_iter().map(told).collect()
    }

    #[test]
    fn a_number_is_tried_on_both_sides_of_both_bounds() {
        let schema = json!({"type": "object", "properties": {
            "port": {"type": "integer", "minimum": 0.0, "maximum": 9.0},
        }});
        let names = names(&schema, &[]);
        for wanted in [
            r#"spec.nonsense unknown sibling -> {"nonsense":"x"} (nonsense)"#,
            r#"spec wrong type "text" -> "text" (spec)"#,
            r#"spec.port least -> {"port":0} (good)"#,
            r#"spec.port most -> {"port":9} (good)"#,
            r#"spec.port below -> {"port":-1} (port)"#,
            r#"spec.port above -> {"port":10} (port)"#,
        ] {
            assert!(names.iter().any(|name| name == wanted), "{wanted} is not among {names:#?}");
        }
    }

    #[test]
    fn a_guarded_field_wants_values() {
        let schema = json!({"type": "object", "properties": {
            "size": {"type": "string", "maxLength": 8, "pattern": "^[0-9]+Gi$"},
        }});
        assert_eq!(cases(&schema, &[]), Err(CaseError::NoTexts { path: "spec.size".to_owned() }));
        let texts = Texts { path: "size", good: &["1Gi"], bad: &["1G"], any_letters: false };
        let names = names(&schema, &[texts]);
        assert!(names.contains(&r#"spec.size "1Gi" -> {"size":"1Gi"} (good)"#.to_owned()), "{names:#?}");
        assert!(names.contains(&r#"spec.size "1G" -> {"size":"1G"} (size)"#.to_owned()), "{names:#?}");
        assert!(
            names.contains(&r#"spec.size too long -> {"size":"aaaaaaaaa"} (size)"#.to_owned()),
            "{names:#?}"
        );
    }
}
