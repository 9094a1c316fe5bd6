/*
 * The rights world of the checker under policy mediated, for SPIN: two processes, two open files, two devices (the first
 * behind a unit that cannot enforce snoop), two VMs, one descriptor of a file in a process.
 * The policy remembers nothing and looks at no clock, so a state is objects and attachments only.
 */
#define FILES 2
#define PROCESSES 2
#define PLAIN 1
#define ENFORCING 2

bit holds[4];	/* file * PROCESSES + process */
bit plugged[2];
byte bound[2];	/* file + 1, or 0 */
byte attached[2];
bit vm_open[2];
bit disabled[2];
bit listed[4];	/* vm * FILES + file */

#define IS_OPEN(f) (holds[(f) * 2] || holds[(f) * 2 + 1] || listed[f] || listed[2 + (f)])
#define NEED(f) ((bound[0] == (f) + 1 && attached[0] == PLAIN) || (bound[1] == (f) + 1 && attached[1] == PLAIN))

/* The last reference to a file is gone: its devices are free. */
inline release(f)
{
	if
	:: !IS_OPEN(f) ->
		if :: bound[0] == (f) + 1 -> bound[0] = 0; attached[0] = 0 :: else fi;
		if :: bound[1] == (f) + 1 -> bound[1] = 0; attached[1] = 0 :: else fi
	:: else
	fi
}

#define OPEN(p, f)    :: d_step { !IS_OPEN(f) -> holds[(f) * 2 + (p)] = 1 }
#define CLOSE(p, f)   :: d_step { holds[(f) * 2 + (p)] -> holds[(f) * 2 + (p)] = 0; release(f) }
#define PASS(p, q, f) :: d_step { holds[(f) * 2 + (p)] && !holds[(f) * 2 + (q)] -> holds[(f) * 2 + (q)] = 1 }
#define BIND(p, f, d) :: d_step { holds[(f) * 2 + (p)] && plugged[d] && !bound[d] -> bound[d] = (f) + 1 }
#define ATTACH(d, k)  :: d_step { bound[d] && !attached[d] -> attached[d] = k }
#define DETACH(d)     :: d_step { attached[d] -> attached[d] = 0 }
#define UNBIND(d)     :: d_step { bound[d] && !attached[d] -> bound[d] = 0 }
#define UNPLUG(d)     :: d_step { plugged[d] -> plugged[d] = 0; bound[d] = 0; attached[d] = 0 }
#define PLUG(d)       :: d_step { !plugged[d] -> plugged[d] = 1 }
#define CREATE(v)     :: d_step { !vm_open[v] -> vm_open[v] = 1 }
/* VM v belongs to process v. */
#define ADD(v, f)     :: d_step { vm_open[v] && holds[(f) * 2 + (v)] && !listed[(v) * 2 + (f)] -> listed[(v) * 2 + (f)] = 1 }
#define ENABLE(v, f)  :: d_step { vm_open[v] && holds[(f) * 2 + (v)] && NEED(f) -> listed[(v) * 2 + (f)] = 1 }
#define DELETE(v, f)  :: d_step { listed[(v) * 2 + (f)] && holds[(f) * 2 + (v)] -> listed[(v) * 2 + (f)] = 0; release(f) }
#define DISABLE(v)    :: d_step { vm_open[v] && !disabled[v] -> disabled[v] = 1 }
#define CLOSE_VM(v)   :: d_step { vm_open[v] -> listed[(v) * 2] = 0; release(0); listed[(v) * 2 + 1] = 0; release(1); \
				vm_open[v] = 0; disabled[v] = 0 }

init {
	d_step { plugged[0] = 1; plugged[1] = 1 }
	do
	OPEN(0, 0) OPEN(1, 0) OPEN(0, 1) OPEN(1, 1)
	CLOSE(0, 0) CLOSE(1, 0) CLOSE(0, 1) CLOSE(1, 1)
	PASS(0, 1, 0) PASS(1, 0, 0) PASS(0, 1, 1) PASS(1, 0, 1)
	BIND(0, 0, 0) BIND(0, 0, 1) BIND(0, 1, 0) BIND(0, 1, 1) BIND(1, 0, 0) BIND(1, 0, 1) BIND(1, 1, 0) BIND(1, 1, 1)
	ATTACH(0, PLAIN) ATTACH(1, PLAIN) ATTACH(1, ENFORCING)
	DETACH(0) DETACH(1) UNBIND(0) UNBIND(1) UNPLUG(0) UNPLUG(1) PLUG(0) PLUG(1)
	CREATE(0) CREATE(1)
	ADD(0, 0) ADD(0, 1) ADD(1, 0) ADD(1, 1)
	ENABLE(0, 0) ENABLE(0, 1) ENABLE(1, 0) ENABLE(1, 1)
	DELETE(0, 0) DELETE(0, 1) DELETE(1, 0) DELETE(1, 1)
	DISABLE(0) DISABLE(1) CLOSE_VM(0) CLOSE_VM(1)
	od
}
