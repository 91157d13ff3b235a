//! A thousand M/M/1 queues on three event queues: ours, a bare heap of the standard library, and
//! nexosim on one thread.
//!
//! Arrivals and departures are the events. A queue's k-th gap and its k-th service time stand in
//! one table for all three, so that all three process the same events and must count as many. The
//! bare heap does not break ties by arrival; nexosim also carries each event to a model's mailbox
//! and runs it as a task, which is what its users pay.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::LazyLock;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firedrill_benches::exponential_delays;
use firedrill_benches::turns::{Turns, caveat, is_test, time};
use firedrill_core::Micros;
use firedrill_sim::engine::EventQueue;
use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::QuerySource;
use nexosim::simulation::{Mailbox, QueryId, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

const QUEUES: u32 = 1_000;
const GAP_MEAN_US: f64 = 1_000_000.0;
const SERVICE_MEAN_US: f64 = 800_000.0;
/// A power of two, so that the tables are walked with a mask.
const DELAYS: u32 = 1 << 12;
/// Turns of the comparison, the three one after the other in each.
const TURNS: usize = 11;

/// Two tables of delays, in microseconds: gaps between arrivals, and service times.
static TABLES: LazyLock<[Vec<u64>; 2]> = LazyLock::new(|| {
    let count = DELAYS as usize;
    let all = exponential_delays(2 * count, 1.0e6);
    let scaled = |part: &[u64], mean_us: f64| {
        let scale = |delay: &u64| ((*delay as f64 * mean_us / 1.0e6) as u64).max(1);
        part.iter().map(scale).collect()
    };
    [
        scaled(&all[..count], GAP_MEAN_US),
        scaled(&all[count..], SERVICE_MEAN_US),
    ]
});

/// How long a measurement simulates: a million events, or a few thousand in test mode.
fn end() -> Micros {
    Micros::from_secs(if is_test() { 3 } else { 500 })
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrival(u32),
    Departure(u32),
}

/// One M/M/1 queue.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Queue {
    /// Where in the tables it begins.
    first: u32,
    arrived: u32,
    served: u32,
    /// Waiting and in service.
    present: u32,
}

impl Queue {
    const fn new(number: u32) -> Self {
        Self {
            first: number.wrapping_mul(997),
            arrived: 0,
            served: 0,
            present: 0,
        }
    }

    fn all() -> Vec<Self> {
        (0..QUEUES).map(Self::new).collect()
    }

    fn gap_us(&self) -> u64 {
        TABLES[0][(self.first.wrapping_add(self.arrived) & (DELAYS - 1)) as usize]
    }

    fn service_us(&self) -> u64 {
        TABLES[1][(self.first.wrapping_add(self.served) & (DELAYS - 1)) as usize]
    }

    /// Somebody comes: the delay of the next arrival, and of a departure when the server was idle.
    fn arrive(&mut self) -> (u64, Option<u64>) {
        self.arrived += 1;
        self.present += 1;
        let service = (self.present == 1).then(|| self.service_us());
        (self.gap_us(), service)
    }

    /// Somebody leaves: the delay of the next departure when somebody waits.
    fn depart(&mut self) -> Option<u64> {
        self.served += 1;
        self.present -= 1;
        (self.present > 0).then(|| self.service_us())
    }

    fn events(&self) -> u64 {
        u64::from(self.arrived + self.served)
    }
}

/// Handles one event at one of the queues; `later` takes what follows from it, with its delay.
fn happen(queues: &mut [Queue], event: Event, mut later: impl FnMut(u64, Event)) {
    match event {
        Event::Arrival(number) => {
            let (gap, service) = queues[number as usize].arrive();
            later(gap, event);
            if let Some(service) = service {
                later(service, Event::Departure(number));
            }
        }
        Event::Departure(number) => {
            if let Some(service) = queues[number as usize].depart() {
                later(service, event);
            }
        }
    }
}

fn ours() -> (Vec<Queue>, EventQueue<Event>) {
    let queues = Queue::all();
    let mut events = EventQueue::default();
    for (number, queue) in queues.iter().enumerate() {
        events.push(Micros(queue.gap_us()), Event::Arrival(number as u32));
    }
    (queues, events)
}

fn run_ours((mut queues, mut events): (Vec<Queue>, EventQueue<Event>), end: Micros) -> u64 {
    let mut count = 0;
    while events.next_at().is_some_and(|at| at <= end) {
        let (at, event) = events.pop().expect("an event is next");
        count += 1;
        happen(&mut queues, event, |delay, event| {
            events.push(at + Micros(delay), event);
        });
    }
    count
}

type Heap = BinaryHeap<Reverse<(u64, Event)>>;

fn heap() -> (Vec<Queue>, Heap) {
    let queues = Queue::all();
    let firsts = queues.iter().enumerate();
    let events = firsts
        .map(|(number, queue)| Reverse((queue.gap_us(), Event::Arrival(number as u32))))
        .collect();
    (queues, events)
}

fn run_heap((mut queues, mut events): (Vec<Queue>, Heap), end: Micros) -> u64 {
    let mut count = 0;
    while events.peek().is_some_and(|Reverse((at, _))| *at <= end.0) {
        let Reverse((at, event)) = events.pop().expect("an event is next");
        count += 1;
        happen(&mut queues, event, |delay, event| {
            events.push(Reverse((at + delay, event)));
        });
    }
    count
}

#[Model]
impl Queue {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        let first = Duration::from_micros(self.gap_us());
        let arrival = context.schedule_event(first, schedulable!(Self::arrival), ());
        arrival.expect("it is in the future");
    }

    #[nexosim(schedulable)]
    fn arrival(&mut self, (): (), context: &Context<Self>) {
        let (gap, service) = self.arrive();
        let gap = Duration::from_micros(gap);
        let arrival = context.schedule_event(gap, schedulable!(Self::arrival), ());
        arrival.expect("it is in the future");
        self.serve(service, context);
    }

    #[nexosim(schedulable)]
    fn departure(&mut self, (): (), context: &Context<Self>) {
        let service = self.depart();
        self.serve(service, context);
    }

    fn serve(&self, service: Option<u64>, context: &Context<Self>) {
        if let Some(service) = service.map(Duration::from_micros) {
            let departure = context.schedule_event(service, schedulable!(Self::departure), ());
            departure.expect("it is in the future");
        }
    }

    async fn count(&mut self) -> u64 {
        self.events()
    }
}

fn nexosim() -> (Simulation, Vec<QueryId<(), u64>>) {
    let mut bench = SimInit::with_num_threads(1);
    let mut counts = Vec::new();
    for (number, queue) in Queue::all().into_iter().enumerate() {
        let mailbox = Mailbox::new();
        let count = QuerySource::new().connect(Queue::count, &mailbox);
        counts.push(count.register(&mut bench));
        bench = bench.add_model(queue, mailbox, &number.to_string());
    }
    let simulation = bench.init(MonotonicTime::EPOCH);
    (simulation.expect("the bench is sound"), counts)
}

fn run_nexosim((simulation, _): &mut (Simulation, Vec<QueryId<(), u64>>), end: Micros) {
    let end = MonotonicTime::EPOCH + Duration::from_micros(end.0);
    simulation.step_until(end).expect("no model fails");
}

fn count_nexosim((simulation, counts): &mut (Simulation, Vec<QueryId<(), u64>>)) -> u64 {
    let count = |query: &QueryId<(), u64>| {
        let count = simulation.process_query(query, ());
        count.expect("every model answers")
    };
    counts.iter().map(count).sum()
}

fn mm1(criterion: &mut Criterion) {
    let end = end();
    let count = run_ours(ours(), end);
    assert_eq!(run_heap(heap(), end), count, "the bare heap counts as many");
    let mut bench = nexosim();
    run_nexosim(&mut bench, end);
    assert_eq!(count_nexosim(&mut bench), count, "nexosim counts as many");

    let mut group = criterion.benchmark_group("mm1");
    group
        .throughput(Throughput::Elements(count))
        .sample_size(10);
    let name = |of: &str| format!("{of}/queues={QUEUES}");
    group.bench_function(name("engine::queue"), |bencher| {
        bencher.iter_batched(ours, |state| run_ours(state, end), BatchSize::PerIteration);
    });
    group.bench_function(name("std::binary_heap"), |bencher| {
        bencher.iter_batched(heap, |state| run_heap(state, end), BatchSize::PerIteration);
    });
    group.bench_function(name("nexosim"), |bencher| {
        bencher.iter_batched_ref(
            nexosim,
            |bench| run_nexosim(bench, end),
            BatchSize::PerIteration,
        );
    });
    group.finish();
    compare(count, end);
}

/// Events a second of the three and how ours compares.
#[expect(clippy::print_stderr, reason = "figures are talk")]
fn compare(count: u64, end: Micros) {
    let turns = if is_test() { 1 } else { TURNS };
    let mut measure_ours = || {
        let state = ours();
        time(|| run_ours(state, end))
    };
    let mut measure_heap = || {
        let state = heap();
        time(|| run_heap(state, end))
    };
    let mut measure_nexosim = || {
        let mut bench = nexosim();
        time(|| run_nexosim(&mut bench, end))
    };
    let measured = Turns::measure(
        turns,
        [&mut measure_ours, &mut measure_heap, &mut measure_nexosim],
    );
    eprintln!(
        "M/M/1, {QUEUES} queues, {count} events; the fastest of {turns} turns{}:",
        caveat()
    );
    for (subject, name) in ["ours", "bare heap", "nexosim"].iter().enumerate() {
        let rate = count as f64 / measured.fastest(subject).as_secs_f64();
        eprintln!("  {name:<9} {:>6.2} M events/s", rate / 1e6);
    }
    let (by_nexosim, by_heap) = (measured.ratio(2, 0), measured.ratio(1, 0));
    eprintln!("  ours is {by_nexosim:.2} times as fast as nexosim (wanted: 5 or more)");
    eprintln!("  ours is {by_heap:.2} times as fast as the bare heap (wanted: 0.5 or more)");
}

criterion_group!(benches, mm1);
criterion_main!(benches);
