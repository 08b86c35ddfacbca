//! What a service tells of itself in Prometheus' text format.

use std::collections::BTreeMap;

/// The lines of one answer: a metric with its labels, and its value.
#[derive(Debug, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    pub fn of(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(|line| line.rsplit_once(' ')).filter_map(parsed).collect())
    }

    /// One series, as it is written: `name{label="value"}`.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// All series of a metric together.
    pub fn sum(&self, metric: &str) -> f64 {
        self.series(metric).map(|(_, value)| value).sum()
    }

    /// The series of a metric whose label has that value, together.
    pub fn sum_where(&self, metric: &str, label: &str, value: &str) -> f64 {
        let wanted = format!("{label}=\"{value}\"");
        self.series(metric).filter(|(name, _)| name.contains(&wanted)).map(|(_, value)| value).sum()
    }

    fn series(&self, metric: &str) -> impl Iterator<Item = (&str, f64)> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), *value));
        all.filter(move |(name, _)| name.split('{').next() == Some(metric))
    }
}

fn parsed((name, value): (&str, &str)) -> Option<(String, f64)> {
    Some((name.to_owned(), value.parse().ok()?))
}

/// A histogram: upper bounds in seconds, and how many lay below each.
#[derive(Debug, Default)]
pub struct Histogram(Vec<(f64, f64)>);

impl Histogram {
    /// What was observed between two answers, by the value of a label.
    pub fn between(first: &Scrape, last: &Scrape, histogram: &str, by: &str) -> BTreeMap<String, Self> {
        let mut all: BTreeMap<String, Self> = BTreeMap::new();
        let metric = format!("{histogram}_bucket");
        for (name, count) in last.series(&metric) {
            let label = |key: &str| name.split(&format!("{key}=\"")).nth(1)?.split('"').next();
            let (Some(value), Some(bound)) = (label(by), label("le")) else { continue };
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap_or(f64::NAN) };
            let before = first.value(name).unwrap_or(0.0);
            all.entry(value.to_owned()).or_default().0.push((bound, count - before));
        }
        for one in all.values_mut() {
            one.0.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
        all
    }

    pub fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// Seconds below which that share lies; within a bucket, as Prometheus' `histogram_quantile` has it.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = share * self.count();
        let (mut lower, mut below) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count >= wanted {
                // Nothing is known beyond the last bound.
                let width = if bound.is_finite() { bound - lower } else { 0.0 };
                return lower + width * (wanted - below) / (count - below).max(f64::MIN_POSITIVE);
            }
            (lower, below) = (*bound, *count);
        }
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(counts: [u32; 3]) -> String {
        let line = |bound, count| format!("age_bucket{{topic=\"t\",le=\"{bound}\"}} {count}\n");
        let lines = ["0.1", "0.2", "+Inf"].iter().zip(counts).map(|(bound, count)| line(bound, count));
        format!(
            "# TYPE age histogram\n{}other{{topic=\"t\"}} 3\nother{{topic=\"u\"}} 4\n",
            lines.collect::<String>()
        )
    }

    #[test]
    fn quantiles_are_of_what_was_observed_between() {
        let (first, last) = (Scrape::of(&text([10, 10, 10])), Scrape::of(&text([60, 110, 110])));
        let ages = Histogram::between(&first, &last, "age", "topic");
        let age = &ages["t"];
        assert!((age.count() - 100.0).abs() < 1e-9);
        assert!((age.quantile(0.25) - 0.05).abs() < 1e-9 && (age.quantile(0.75) - 0.15).abs() < 1e-9);
        assert!((last.sum("other") - 7.0).abs() < 1e-9);
    }
}
