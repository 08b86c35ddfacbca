//! The drawing of the lab: its systems, and between them the topics that they speak through, by the catalogue. Twice, for a
//! wide page and for a narrow one; the style sheet shows the one that fits.

use schemas::{CATALOGUE, Service, Topic, topics};

use crate::texts::Texts;

/// Most squares of a queue.
const SQUARES: i32 = 8;
/// From one square of a queue to the next.
pub(crate) const SQUARE: i32 = 11;

/// One drawing, in units of its view box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// `wide` or `tall`.
    pub name: &'static str,
    pub width: i32,
    pub height: i32,
    pub systems: Vec<System>,
    /// What the simulator asks for, by HTTP.
    pub commands: Vec<String>,
    pub arrows: Vec<Arrow>,
}

impl Drawing {
    /// Whether systems stand side by side.
    pub fn is_wide(&self) -> bool {
        self.name == "wide"
    }
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    pub name: &'static str,
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl System {
    /// The middle of the box.
    pub fn middle(&self) -> (i32, i32) {
        (self.x + self.width / 2, self.y + self.height / 2)
    }
}

/// An arrow with its topic on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrow {
    pub topic: &'static str,
    /// What the label says: the event's name.
    pub event: String,
    /// Who speaks, and who listens.
    pub from: &'static str,
    pub to: Option<&'static str>,
    pub path: String,
    pub label: Label,
    /// Where what waits is drawn; nothing where nobody listens.
    pub queue: Option<Queue>,
    /// Where the arrow ends that leads to nobody, and where that is said.
    pub end: Option<End>,
    /// A second arrow of the same topic has its label already.
    pub labelled: bool,
}

impl Arrow {
    /// What its colour goes by.
    pub fn colour(&self) -> &str {
        if self.topic == topics::DLQ_ERRORS.as_str() { "DLQ" } else { &self.event }
    }
}

/// The plate with the topic's names, by its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
    /// Whether the topic's own name stands below the event's.
    pub named: bool,
}

impl Label {
    pub fn left(&self) -> i32 {
        self.x - self.width / 2
    }

    pub fn top(&self) -> i32 {
        self.y - self.height / 2
    }
}

/// A row of squares, from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    pub x: i32,
    pub y: i32,
    /// Whether the consumer is at the left end of the row.
    pub read_from_left: bool,
}

impl Queue {
    /// The squares' places.
    pub fn squares(&self) -> impl Iterator<Item = (i32, i32)> {
        let Self { x, y, .. } = *self;
        (0..SQUARES).map(move |number| (x + number * SQUARE, y))
    }

    /// Where the number stands: above the middle of the row.
    pub fn number(&self) -> (i32, i32) {
        (self.x + SQUARES * SQUARE / 2, self.y - 7)
    }
}

/// The end of an arrow that leads to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub x: i32,
    pub y: i32,
    /// The middle of the text that says so.
    pub text: (i32, i32),
}

/// What lies on a lane.
struct Lane {
    topic: &'static Topic,
    from: Service,
    to: Option<Service>,
}

/// The lanes that belong between the two services, and those that lead from souscription to nobody, in catalogue order.
fn lanes() -> Vec<Lane> {
    let events = CATALOGUE.iter().filter(|topic| topic.event().is_some());
    let lanes = events.flat_map(|topic| {
        topic.publishers.iter().flat_map(move |from| {
            let listeners = topic.consumers.iter().map(|to| Some(*to));
            let nobody = topic.consumers.is_empty().then_some(None);
            listeners.chain(nobody).map(move |to| Lane { topic, from: *from, to })
        })
    });
    lanes.collect()
}

fn arrow(lane: &Lane, path: String, label: Label) -> Arrow {
    Arrow {
        topic: lane.topic.name.as_str(),
        event: lane.topic.event().unwrap_or(lane.topic.name.as_str()).to_owned(),
        from: lane.from.as_str(),
        to: lane.to.map(Service::as_str),
        path,
        label,
        queue: None,
        end: None,
        labelled: true,
    }
}

/// Systems side by side: lanes lie.
pub fn wide(texts: &Texts) -> Drawing {
    const LEFT: (i32, i32) = (20, 190);
    const RIGHT: (i32, i32) = (610, 780);
    const OUT: i32 = 1_084;
    const TOP: i32 = 124;
    const BOTTOM: i32 = 336;
    const DEAD: i32 = 398;

    let system = |name, (x, end): (i32, i32), y, bottom: i32| System {
        name,
        x,
        y,
        width: end - x,
        height: bottom - y,
    };
    let mut arrows = Vec::new();
    let (between, out): (Vec<_>, Vec<_>) = lanes().into_iter().partition(|lane| lane.to.is_some());
    let label = |x, y| Label { x, y, width: 204, height: 46, named: true };
    for (lane, y) in between.iter().zip(spread(TOP, BOTTOM, between.len())) {
        let to_right = lane.from == Service::Quotation;
        let (path, x, queue) = if to_right {
            (format!("M{} {y} H{}", LEFT.1, RIGHT.0 - 4), 340, Queue { x: 498, y, read_from_left: false })
        } else {
            (format!("M{} {y} H{}", RIGHT.0, LEFT.1 + 4), 460, Queue { x: 220, y, read_from_left: true })
        };
        arrows.push(Arrow { queue: Some(queue), ..arrow(lane, path, label(x, y)) });
    }
    for (lane, y) in out.iter().zip(spread(TOP, BOTTOM, out.len())) {
        let path = format!("M{} {y} H{OUT}", RIGHT.1);
        let end = End { x: OUT, y, text: (922, y + 41) };
        arrows.push(Arrow { end: Some(end), ..arrow(lane, path, label(922, y)) });
    }
    let plate = Label { x: 400, y: DEAD, width: 176, height: 46, named: true };
    let dead = [
        (Service::Quotation, 105, plate.left() - 3),
        (Service::Souscription, 695, plate.left() + plate.width + 3),
    ];
    for (number, (from, x, end)) in dead.into_iter().enumerate() {
        let path = format!("M{x} {BOTTOM} V{} Q{x} {DEAD} {} {DEAD} H{end}", DEAD - 10, towards(x, end, 10));
        arrows.push(dead_letters(texts, from, path, plate, number == 0));
    }
    Drawing {
        name: "wide",
        width: 1_100,
        height: 430,
        systems: vec![
            system("simulator", (315, 485), 12, 76),
            system("quotation", LEFT, TOP, BOTTOM),
            system("souscription", RIGHT, TOP, BOTTOM),
        ],
        commands: vec![
            format!("M315 44 H115 Q105 44 105 54 V{}", TOP - 4),
            format!("M485 44 H685 Q695 44 695 54 V{}", TOP - 4),
        ],
        arrows,
    }
}

/// Systems one below the other: lanes stand.
pub fn tall(texts: &Texts) -> Drawing {
    const COLUMNS: (i32, i32) = (10, 330);
    const FIRST: (i32, i32) = (96, 150);
    const SECOND: (i32, i32) = (346, 400);
    const DEAD: i32 = 606;

    let system = |name, x, width, (y, bottom): (i32, i32)| System { name, x, y, width, height: bottom - y };
    let mut arrows = Vec::new();
    let (between, out): (Vec<_>, Vec<_>) = lanes().into_iter().partition(|lane| lane.to.is_some());
    let label = |x, y| Label { x, y, width: 102, height: 30, named: false };
    for (lane, x) in between.iter().zip(spread(COLUMNS.0, COLUMNS.1, between.len())) {
        let down = lane.from == Service::Quotation;
        let row = |y| Queue { x: x - SQUARES * SQUARE / 2 + 1, y, read_from_left: true };
        let (path, y, queue) = if down {
            (format!("M{x} {} V{}", FIRST.1, SECOND.0 - 4), 215, row(316))
        } else {
            (format!("M{x} {} V{}", SECOND.0, FIRST.1 + 4), 281, row(188))
        };
        arrows.push(Arrow { queue: Some(queue), ..arrow(lane, path, label(x, y)) });
    }
    // The dead letters' arrow runs down the middle.
    for (lane, x) in out.iter().zip(spread(COLUMNS.0, COLUMNS.1, out.len() + 1).into_iter().step_by(2)) {
        let path = format!("M{x} {} V530", SECOND.1);
        let end = End { x, y: 530, text: (x, 550) };
        arrows.push(Arrow { end: Some(end), ..arrow(lane, path, label(x, 462)) });
    }
    let plate = Label { x: 170, y: DEAD, width: 130, height: 34, named: false };
    let edge = plate.left() + plate.width + 3;
    let dead = [
        (Service::Souscription, format!("M170 {} V{}", SECOND.1, plate.top() - 3)),
        (
            Service::Quotation,
            format!("M330 123 Q338 123 338 131 V{} Q338 {DEAD} 330 {DEAD} H{edge}", DEAD - 8),
        ),
    ];
    for (number, (from, path)) in dead.into_iter().enumerate() {
        arrows.push(dead_letters(texts, from, path, plate, number == 0));
    }
    Drawing {
        name: "tall",
        width: 340,
        height: 632,
        systems: vec![
            system("simulator", 90, 160, (8, 58)),
            system("quotation", COLUMNS.0, 320, FIRST),
            system("souscription", COLUMNS.0, 320, SECOND),
        ],
        commands: vec![
            format!("M170 58 V{}", FIRST.0 - 4),
            format!("M90 33 H10 Q2 33 2 41 V{} Q2 373 8 373", SECOND.0 + 19),
        ],
        arrows,
    }
}

fn dead_letters(texts: &Texts, from: Service, path: String, label: Label, labelled: bool) -> Arrow {
    Arrow {
        topic: topics::DLQ_ERRORS.as_str(),
        event: texts.dead_letters.to_owned(),
        from: from.as_str(),
        to: None,
        path,
        label,
        queue: None,
        end: None,
        labelled,
    }
}

/// That many places between two ends, each in the middle of its share.
fn spread(from: i32, to: i32, count: usize) -> Vec<i32> {
    let count = i32::try_from(count).unwrap_or(1).max(1);
    (0..count).map(|number| from + (to - from) * (2 * number + 1) / (2 * count)).collect()
}

/// A step from `x` in the direction of `end`.
const fn towards(x: i32, end: i32, step: i32) -> i32 {
    if end < x { x - step } else { x + step }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::texts::Lang;

    #[test]
    fn every_event_of_the_catalogue_has_its_arrow_in_both_drawings() {
        let texts = Lang::En.texts();
        for drawing in [wide(texts), tall(texts)] {
            let drawn: BTreeSet<_> =
                drawing.arrows.iter().map(|arrow| (arrow.topic, arrow.from, arrow.to)).collect();
            for topic in CATALOGUE.iter().filter(|topic| topic.event().is_some()) {
                for from in topic.publishers {
                    for to in topic.consumers {
                        let arrow = (topic.name.as_str(), from.as_str(), Some(to.as_str()));
                        assert!(drawn.contains(&arrow), "{arrow:?} in {}", drawing.name);
                    }
                }
            }
            let nobody: Vec<_> = drawing.arrows.iter().filter(|arrow| arrow.end.is_some()).collect();
            assert_eq!(nobody.len(), 2, "ContratModifie and ContratResilie: {nobody:?}");
        }
    }

    #[test]
    fn everything_lies_within_the_drawing() {
        let texts = Lang::Fr.texts();
        for drawing in [wide(texts), tall(texts)] {
            let inside =
                |x: i32, y: i32| (0..=drawing.width).contains(&x) && (0..=drawing.height).contains(&y);
            for System { x, y, width, height, name } in &drawing.systems {
                assert!(inside(*x, *y) && inside(x + width, y + height), "{name}");
            }
            for Arrow { label, queue, topic, .. } in &drawing.arrows {
                assert!(inside(label.left(), label.top()), "{topic} in {}", drawing.name);
                assert!(inside(label.left() + label.width, label.top() + label.height), "{topic}");
                for (x, y) in queue.iter().flat_map(Queue::squares) {
                    assert!(inside(x, y) && inside(x + SQUARE, y), "{topic} in {}: {x} {y}", drawing.name);
                }
            }
        }
    }
}
