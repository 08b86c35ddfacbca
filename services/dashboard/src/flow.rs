//! The drawing of the lab: its systems, and between them the topics that they speak through, by the catalogue. Twice, for a
//! wide page and for a narrow one; the style sheet shows the one that fits.

use schemas::{CATALOGUE, Service, Topic, topics};

use crate::texts::Texts;

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
    /// What the label says: the event's name, on one line or on two.
    pub event: Vec<String>,
    /// What its colour goes by.
    pub colour: &'static str,
    /// Who speaks.
    pub from: &'static str,
    pub path: String,
    pub label: Label,
    /// Who listens, and what waits for them; nothing for dead letters.
    pub queue: Option<Queue>,
    /// A second arrow of the dead letters has its label already.
    pub labelled: bool,
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

    /// Where each of so many lines of the event's name stands.
    pub fn lines(&self, lines: usize) -> Vec<i32> {
        match (lines, self.named) {
            (1, true) => vec![self.y - 3],
            (1, false) => vec![self.y + 4],
            _ => vec![self.y - 3, self.y + 11],
        }
    }
}

/// A row of squares, from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Who reads from it.
    pub to: &'static str,
    pub x: i32,
    pub y: i32,
    /// How many there are.
    pub count: i32,
    /// The middle of the number that stands above it.
    pub number: i32,
    /// Whether the consumer is at the left end of the row.
    pub read_from_left: bool,
}

impl Queue {
    /// The squares' places.
    pub fn squares(&self) -> impl Iterator<Item = (i32, i32)> {
        let Self { x, y, count, .. } = *self;
        (0..count).map(move |number| (x + number * SQUARE, y))
    }

    /// The height at which the number stands.
    pub fn above(&self) -> i32 {
        self.y - 11
    }
}

/// What lies on a lane.
struct Lane {
    topic: &'static Topic,
    event: &'static str,
    from: Service,
    to: Service,
}

impl Lane {
    /// Whether it leads on in the order of the services: from quotes to contracts, and from contracts to claims.
    fn leads_on(&self) -> bool {
        self.from < self.to
    }
}

/// The lanes between two neighbours, in catalogue order.
fn lanes(one: Service, other: Service) -> Vec<Lane> {
    let between = |from: Service, to: Service| (from, to) == (one, other) || (from, to) == (other, one);
    let events = CATALOGUE.iter().filter_map(|topic| Some((topic, topic.event()?)));
    let lanes = events.flat_map(|(topic, event)| {
        topic.publishers.iter().flat_map(move |from| {
            topic.consumers.iter().map(move |to| Lane { topic, event, from: *from, to: *to })
        })
    });
    lanes.filter(|lane| between(lane.from, lane.to)).collect()
}

fn arrow(lane: &Lane, event: Vec<String>, path: String, label: Label, queue: Queue) -> Arrow {
    Arrow {
        topic: lane.topic.name.as_str(),
        event,
        colour: lane.event,
        from: lane.from.as_str(),
        path,
        label,
        queue: Some(queue),
        labelled: true,
    }
}

/// Systems side by side: lanes lie.
pub fn wide(texts: &Texts) -> Drawing {
    const BOXES: [(i32, i32); 3] = [(14, 138), (513, 637), (1_012, 1_136)];
    const TOP: i32 = 124;
    const BOTTOM: i32 = 484;
    const DEAD: i32 = 546;
    const PLATE: i32 = 226;

    let system = |name, (x, end): (i32, i32), y, bottom: i32| System {
        name,
        x,
        y,
        width: end - x,
        height: bottom - y,
    };
    let mut arrows = Vec::new();
    for (pair, boxes) in Service::ALL.windows(2).zip(BOXES.windows(2)) {
        let (left, right) = (boxes[0].1, boxes[1].0);
        let lanes = lanes(pair[0], pair[1]);
        for (lane, y) in lanes.iter().zip(spread(TOP, BOTTOM, lanes.len())) {
            let to = lane.to.as_str();
            let (path, x, queue) = if lane.leads_on() {
                let queue =
                    Queue { to, x: right - 104, y, count: 8, number: right - 60, read_from_left: false };
                (format!("M{left} {y} H{}", right - 4), left + 25 + PLATE / 2, queue)
            } else {
                let queue = Queue { to, x: left + 16, y, count: 8, number: left + 60, read_from_left: true };
                (format!("M{right} {y} H{}", left + 4), right - 25 - PLATE / 2, queue)
            };
            let label = Label { x, y, width: PLATE, height: 46, named: true };
            arrows.push(arrow(lane, vec![lane.event.to_owned()], path, label, queue));
        }
    }
    let [first, middle, last] = BOXES.map(|(x, end)| i32::midpoint(x, end));
    let plate = Label { x: middle, y: DEAD, width: 176, height: 46, named: true };
    for (number, (from, x)) in Service::ALL.into_iter().zip([first, middle, last]).enumerate() {
        let path = match x - middle {
            0 => format!("M{x} {BOTTOM} V{}", plate.top() - 3),
            ..0 => {
                format!("M{x} {BOTTOM} V{} Q{x} {DEAD} {} {DEAD} H{}", DEAD - 10, x + 10, plate.left() - 3)
            }
            1.. => {
                let edge = plate.left() + plate.width + 3;
                format!("M{x} {BOTTOM} V{} Q{x} {DEAD} {} {DEAD} H{edge}", DEAD - 10, x - 10)
            }
        };
        arrows.push(dead_letters(texts, from, path, plate, number == 0));
    }
    let mut systems = vec![system("simulator", (middle - 85, middle + 85), 12, 76)];
    systems
        .extend(Service::ALL.into_iter().zip(BOXES).map(|(s, ends)| system(s.as_str(), ends, TOP, BOTTOM)));
    Drawing {
        name: "wide",
        width: 1_150,
        height: 578,
        systems,
        commands: vec![
            format!("M{} 44 H{} Q{first} 44 {first} 54 V{}", middle - 85, first + 10, TOP - 4),
            format!("M{middle} 76 V{}", TOP - 4),
            format!("M{} 44 H{} Q{last} 44 {last} 54 V{}", middle + 85, last - 10, TOP - 4),
        ],
        arrows,
    }
}

/// Systems one below the other: lanes stand. Neighbours' labels take turns, so that there is room for six.
pub fn tall(texts: &Texts) -> Drawing {
    const WIDTH: i32 = 340;
    const LABEL: i32 = 92;
    const NUMBER: i32 = 90;
    const BOXES: [(i32, i32); 3] = [(96, 150), (426, 480), (756, 810)];
    const DEAD: i32 = 872;
    /// From a label to the one below.
    const TURN: i32 = 46;
    const SQUARES: i32 = 4;

    let system = |name, x, width, (y, bottom): (i32, i32)| System { name, x, y, width, height: bottom - y };
    let mut arrows = Vec::new();
    for (pair, boxes) in Service::ALL.windows(2).zip(BOXES.windows(2)) {
        let (above, below) = (boxes[0].1, boxes[1].0);
        let lanes = lanes(pair[0], pair[1]);
        for (number, (lane, x)) in lanes.iter().zip(spread(0, WIDTH, lanes.len())).enumerate() {
            let turn = i32::from(number % 2 == 1);
            let row = |y| Queue {
                to: lane.to.as_str(),
                x: x - SQUARES * SQUARE / 2 + 1,
                y,
                count: SQUARES,
                number: x.clamp(NUMBER / 2, WIDTH - NUMBER / 2),
                read_from_left: true,
            };
            let (path, queue) = if lane.leads_on() {
                (format!("M{x} {above} V{}", below - 4), row(below - 24))
            } else {
                (format!("M{x} {below} V{}", above + 4), row(above + 38))
            };
            let y = i32::midpoint(above, below) - TURN / 2 + TURN * turn;
            let x = x.clamp(LABEL / 2 + 2, WIDTH - LABEL / 2 - 2);
            let label = Label { x, y, width: LABEL, height: 36, named: false };
            arrows.push(arrow(lane, in_two_lines(lane.event), path, label, queue));
        }
    }
    let plate = Label { x: 170, y: DEAD, width: 130, height: 34, named: false };
    let edge = plate.left() + plate.width + 3;
    let last = BOXES[2].1;
    for (number, (from, (y, bottom))) in Service::ALL.into_iter().zip(BOXES).enumerate() {
        let middle = i32::midpoint(y, bottom);
        let path = if bottom == last {
            format!("M170 {bottom} V{}", plate.top() - 3)
        } else {
            format!(
                "M330 {middle} Q338 {middle} 338 {} V{} Q338 {DEAD} 330 {DEAD} H{edge}",
                middle + 8,
                DEAD - 8
            )
        };
        arrows.push(dead_letters(texts, from, path, plate, number == 0));
    }
    let mut systems = vec![system("simulator", 90, 160, (8, 58))];
    systems.extend(Service::ALL.into_iter().zip(BOXES).map(|(s, ends)| system(s.as_str(), 10, 320, ends)));
    let aside = |(y, bottom): (i32, i32)| {
        let middle = i32::midpoint(y, bottom);
        format!("M90 33 H10 Q2 33 2 41 V{} Q2 {middle} 8 {middle}", middle - 8)
    };
    Drawing {
        name: "tall",
        width: WIDTH,
        height: 898,
        systems,
        commands: vec![format!("M170 58 V{}", BOXES[0].0 - 4), aside(BOXES[1]), aside(BOXES[2])],
        arrows,
    }
}

/// `IndemnisationEffectuee` as `Indemnisation` and `Effectuee`: names are a noun and what became of it.
fn in_two_lines(event: &str) -> Vec<String> {
    let second = event.rfind(|letter: char| letter.is_ascii_uppercase()).unwrap_or_default();
    let (first, second) = event.split_at(second);
    [first, second].into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn dead_letters(texts: &Texts, from: Service, path: String, label: Label, labelled: bool) -> Arrow {
    Arrow {
        topic: topics::DLQ_ERRORS.as_str(),
        event: vec![texts.dead_letters.to_owned()],
        colour: "DLQ",
        from: from.as_str(),
        path,
        label,
        queue: None,
        labelled,
    }
}

/// That many places between two ends, each in the middle of its share.
fn spread(from: i32, to: i32, count: usize) -> Vec<i32> {
    let count = i32::try_from(count).unwrap_or(1).max(1);
    (0..count).map(|number| from + (to - from) * (2 * number + 1) / (2 * count)).collect()
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
            let to = |arrow: &Arrow| arrow.queue.map(|queue| queue.to);
            let drawn: BTreeSet<_> =
                drawing.arrows.iter().map(|arrow| (arrow.topic, arrow.from, to(arrow))).collect();
            for topic in CATALOGUE.iter().filter(|topic| topic.event().is_some()) {
                assert!(!topic.consumers.is_empty(), "{} is not drawn", topic.name);
                for from in topic.publishers {
                    for to in topic.consumers {
                        let arrow = (topic.name.as_str(), from.as_str(), Some(to.as_str()));
                        assert!(drawn.contains(&arrow), "{arrow:?} in {}", drawing.name);
                    }
                }
            }
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

    #[test]
    fn no_label_lies_on_another_one_or_on_a_queue() {
        let apart = |(a, b): ((i32, i32), (i32, i32)), (c, d): ((i32, i32), (i32, i32))| {
            b.0 <= c.0 || d.0 <= a.0 || b.1 <= c.1 || d.1 <= a.1
        };
        let texts = Lang::En.texts();
        for drawing in [wide(texts), tall(texts)] {
            let mut boxes = Vec::new();
            for arrow in drawing.arrows.iter().filter(|arrow| arrow.labelled) {
                let Label { width, height, .. } = arrow.label;
                let (x, y) = (arrow.label.left(), arrow.label.top());
                boxes.push((arrow.topic, ((x, y), (x + width, y + height))));
                let row = arrow
                    .queue
                    .map(|Queue { x, y, count, .. }| ((x, y - 5), (x + count * SQUARE - 3, y + 5)));
                boxes.extend(row.map(|row| (arrow.topic, row)));
            }
            for (number, (name, one)) in boxes.iter().enumerate() {
                for (other_name, other) in &boxes[number + 1..] {
                    assert!(apart(*one, *other), "{name} and {other_name} in {}", drawing.name);
                }
            }
        }
    }
}
