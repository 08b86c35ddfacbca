//! How many events a second souscription applies, beside what could be had on the same machine.

use anyhow::Result;
use clap::Args;

use crate::{database::Tables, figures::Figures, rivals::Rivals, souscription, topic::Preloaded};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Events on the topic.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=5_000_000))]
    events: u32,
    /// Events that the baseline takes in a run: it needs a write to the disk for each.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=5_000_000))]
    baseline_events: u32,
}

pub(crate) async fn measure(arguments: &Arguments) -> Result<()> {
    let &Arguments { runs, events, baseline_events } = arguments;
    let (stand, program) = crate::stand().await?;
    let topic = Preloaded::fill(&stand, 1..=events)?;
    println!("{events} DevisGenere on {} partitions, {} bytes each", topic.partitions, topic.bytes_each);

    let rivals = Rivals { tables: Tables::of(&stand, &program, "souscription").await? };
    let heard = topic.read()?;
    let mut ours = souscription::Runs::default();
    let mut decoding = Figures::new("ceiling: read and decode, nothing else");
    let mut storing = Figures::new("ceiling: SQLite stores the same rows, 1,000 in a transaction");
    let mut baseline = Figures::new("baseline: a transaction and an offset commit for each event");
    for run in 1..=runs {
        println!("run {run} of {runs}");
        // Side by side in each run, so that a machine that slows down slows all of them.
        ours.measure(&stand, &program, events).await?;
        decoding.add(topic.decode_all()?);
        storing.add(rivals.store(&heard)?);
        baseline.add(rivals.one_by_one(&topic, baseline_events.min(events))?);
    }

    println!("\nevents a second, median of {runs} runs (all runs)");
    for figures in [&ours.rate, &decoding, &storing, &baseline] {
        println!("{figures}");
    }
    let lower = decoding.median().min(storing.median());
    println!("\nsouscription: {:.2} of the lower ceiling", ours.rate.median() / lower);
    println!("souscription: {:.1} times the baseline", ours.rate.median() / baseline.median());
    println!("souscription: {:.1} µs of CPU for an event", ours.cpu.median());
    println!("souscription: {:.1} MiB of memory at most (resident)", ours.memory.greatest());
    Ok(())
}
