//! The documents of a block: every line's own bytes behind what says where it belongs and where it stood.

use crate::plan::Plan;
use crate::rows::Rows;
use crate::time;

/// How a block's documents name the place of their lines: the stream within an id, and what stands between id and
/// offset, both as JSON.
pub struct Place {
    pub stream: String,
    pub neck: String,
}

/// Return all documents in the order of the log, each with a newline, and where they end.
pub fn render(plan: &Plan, rows: &Rows, data: &[u8], place: &Place) -> (Vec<u8>, Vec<u32>) {
    let mut body = Vec::with_capacity(data.len() + rows.rows.len() * (150 + place.neck.len() + place.stream.len()));
    let mut ends = Vec::with_capacity(rows.rows.len());
    let mut suspects = rows.suspects.iter().peekable(); // in the order of the log, as the rows are
    let mut day = i64::MIN;
    let mut day_name = String::new();
    for &at in &rows.order {
        let at = at as usize;
        if at >= rows.first_foreign {
            body.extend_from_slice(&rows.foreign[at - rows.first_foreign]);
        } else {
            let row = &rows.rows[at];
            let head = &plan.types[usize::from(row.kind)].head;
            if time::day(row.time) != day {
                day = time::day(row.time);
                day_name = time::day_name(day);
            }
            for part in [&head.0, &day_name, &head.1] {
                body.extend_from_slice(part.as_bytes());
            }
            if row.id.start == row.id.end {
                body.extend_from_slice(place.stream.as_bytes());
                body.push(b':');
                push_number(&mut body, row.offset);
            } else {
                body.extend_from_slice(&data[row.id.start as usize..row.id.end as usize]);
            }
            body.extend_from_slice(place.neck.as_bytes());
            push_number(&mut body, row.offset);
            body.extend_from_slice(b"},");
            // What follows on the line's own brace is taken over, with the texts that were replaced.
            let (mut from, end) = (row.line.start as usize + 1, row.line.end as usize);
            while let Some(suspect) = suspects.next_if(|suspect| suspect.start < end) {
                if let Some(replacement) = &suspect.replacement {
                    body.extend_from_slice(&data[from..suspect.start]);
                    body.extend_from_slice(replacement);
                    from = suspect.end;
                }
            }
            body.extend_from_slice(&data[from..end]);
        }
        body.push(b'\n');
        ends.push(body.len() as u32);
    }
    (body, ends)
}

fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
