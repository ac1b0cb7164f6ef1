//! One request at a time for each lane, in the order of their arrival.
//!
//! A ticket is drawn where deliveries are taken off the channel, one after the other; the tasks that work on them start
//! in whatever order the scheduler likes, and each waits for its ticket's turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Who waits behind whom. A lane is there as long as somebody holds one of its tickets.
type Queues = Mutex<HashMap<String, VecDeque<oneshot::Sender<()>>>>;

/// All lanes of a server.
#[derive(Clone, Default)]
pub(crate) struct Lanes {
    queues: Arc<Queues>,
}

/// A place in a lane, given up when it is dropped.
pub(crate) struct Ticket {
    lane: String,
    queues: Arc<Queues>,
    /// `None` once it is this ticket's turn.
    called: Option<oneshot::Receiver<()>>,
}

impl Lanes {
    /// The next place in a lane.
    pub(crate) fn draw(&self, lane: String) -> Ticket {
        let mut queues = self.queues.lock();
        let called = match queues.get_mut(&lane) {
            None => {
                queues.insert(lane.clone(), VecDeque::new());
                None
            }
            Some(waiting) => {
                let (call, called) = oneshot::channel();
                waiting.push_back(call);
                Some(called)
            }
        };
        drop(queues);
        Ticket {
            lane,
            queues: self.queues.clone(),
            called,
        }
    }
}

impl Ticket {
    /// Waits until all earlier tickets of the lane are dropped.
    pub(crate) async fn turn(&mut self) {
        if let Some(called) = &mut self.called {
            // Senders are only dropped with the lanes themselves.
            let _ = called.await;
            self.called = None;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(called) = &mut self.called {
            called.close();
            if called.try_recv().is_err() {
                // Not called yet; whoever calls finds that nobody listens, and calls the next.
                return;
            }
        }
        let mut queues = self.queues.lock();
        let Some(waiting) = queues.get_mut(&self.lane) else {
            return;
        };
        while let Some(call) = waiting.pop_front() {
            if call.send(()).is_ok() {
                return;
            }
        }
        queues.remove(&self.lane);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_of_the_tickets_however_they_are_awaited() {
        let lanes = Lanes::default();
        let mut first = lanes.draw("a".into());
        let mut second = lanes.draw("a".into());
        let mut third = lanes.draw("a".into());
        assert!(third.turn().now_or_never().is_none());
        assert!(second.turn().now_or_never().is_none());
        first.turn().await;
        drop(first);
        assert!(third.turn().now_or_never().is_none(), "the second is before it");
        second.turn().await;
        drop(second);
        third.turn().await;
        drop(third);
        assert!(
            lanes.queues.lock().is_empty(),
            "nothing is kept of a lane that nobody uses"
        );
    }

    #[tokio::test]
    async fn lanes_do_not_wait_for_each_other() {
        let lanes = Lanes::default();
        let _busy = lanes.draw("a".into());
        lanes.draw("b".into()).turn().await;
    }

    #[tokio::test]
    async fn a_ticket_given_up_is_passed_over() {
        let lanes = Lanes::default();
        let first = lanes.draw("a".into());
        let second = lanes.draw("a".into());
        let third = lanes.draw("a".into());
        let mut fourth = lanes.draw("a".into());
        drop(second);
        drop(first);
        // Called, but given up before it heard of it.
        drop(third);
        fourth.turn().await;
    }
}
