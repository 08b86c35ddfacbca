//! Waiting for a condition, with a deadline, telling what was seen last.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A condition did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("waited {} s for {what}; last seen: {seen}", within.as_secs_f32())]
pub struct TimedOut {
    pub what: String,
    pub within: Duration,
    /// What the last look found instead.
    pub seen: String,
}

/// Looks again and again until `look` returns `Ok`, which is the result; what it returns as `Err` is what was seen
/// instead. A look that hangs counts against the deadline too.
pub async fn until<T, E: Display>(
    what: impl Into<String>,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, TimedOut> {
    let deadline = Instant::now() + within;
    let mut seen = "nothing".to_owned();
    loop {
        match tokio::time::timeout_at(deadline.into(), look()).await {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(other)) => seen = other.to_string(),
            Err(_) => seen = format!("{seen}; the last look did not come back"),
        }
        if Instant::now() + BETWEEN_LOOKS >= deadline {
            return Err(TimedOut { what: what.into(), within, seen });
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_seen_last_is_told() {
        let mut looks = 0;
        let result = until("three looks", Duration::from_secs(5), async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(looks) }
        });
        assert_eq!(result.await, Ok(3));

        let never = until("the moon", Duration::from_millis(120), async || Err::<(), _>("clouds")).await;
        let TimedOut { what, seen, .. } = never.expect_err("it never comes");
        assert_eq!((what.as_str(), seen.as_str()), ("the moon", "clouds"));
    }

    #[tokio::test]
    async fn a_look_that_hangs_ends_at_the_deadline() {
        let hangs = until("an answer", Duration::from_millis(100), async || {
            std::future::pending::<Result<(), &str>>().await
        });
        let TimedOut { seen, .. } = hangs.await.expect_err("it hangs");
        assert_eq!(seen, "nothing; the last look did not come back");
    }
}
