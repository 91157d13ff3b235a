//! What happens next: a heap ordered by (time, sequence), so that ties have an owner.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use firedrill_core::Micros;

/// Events to come. Events of one moment come out in the order in which they went in.
#[derive(Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Entry<T>>,
    sequence: u64,
}

#[derive(Debug)]
struct Entry<T> {
    at: Micros,
    sequence: u64,
    event: T,
}

impl<T> Entry<T> {
    /// Time and sequence in one number, which takes one comparison without a branch.
    fn key(&self) -> u128 {
        u128::from(self.at.0) << 64 | u128::from(self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// The earliest entry is the greatest: the heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            sequence: 0,
        }
    }
}

impl<T> EventQueue<T> {
    /// Adds an event.
    pub fn push(&mut self, at: Micros, event: T) {
        let sequence = self.sequence;
        self.sequence += 1;
        self.heap.push(Entry {
            at,
            sequence,
            event,
        });
    }

    /// The time of the next event.
    #[must_use]
    pub fn next_at(&self) -> Option<Micros> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next event.
    pub fn pop(&mut self) -> Option<(Micros, T)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    /// The number of events to come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is to come.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn orders_by_time_then_by_arrival() {
        let mut queue = EventQueue::default();
        for (at, event) in [(2, 'c'), (1, 'a'), (2, 'd'), (1, 'b')] {
            queue.push(Micros(at), event);
        }
        let order: String = std::iter::from_fn(|| queue.pop())
            .map(|(_, event)| event)
            .collect();
        assert_eq!(order, "abcd");
    }

    proptest! {
        /// Whatever goes in and out in between, what comes out is the earliest event of those
        /// inside, and of several at one moment the one that went in first.
        #[test]
        fn gives_what_a_sorted_list_gives(
            // Few moments, so that many events share one; nothing stands for taking one out.
            actions in vec(option::of(prop_oneof![0..8_u64, any::<u64>()]), 0..200)
        ) {
            let mut queue = EventQueue::default();
            let mut sorted: Vec<(Micros, usize)> = Vec::new();
            for (number, action) in actions.iter().enumerate() {
                if let Some(at) = action.map(Micros) {
                    queue.push(at, number);
                    let place = sorted.partition_point(|(other, _)| *other <= at);
                    sorted.insert(place, (at, number));
                } else {
                    let expected = (!sorted.is_empty()).then(|| sorted.remove(0));
                    prop_assert_eq!(queue.pop(), expected);
                }
                prop_assert_eq!(queue.next_at(), sorted.first().map(|(at, _)| *at));
                prop_assert_eq!(queue.len(), sorted.len());
                prop_assert_eq!(queue.is_empty(), sorted.is_empty());
            }
            let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
            prop_assert_eq!(rest, sorted);
        }
    }
}
