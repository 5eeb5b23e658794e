"""The store of states: an arena of packed states, and a hash table of their places that compares them in full.

A table entry is a tag of 24 bits of the hash and the number of the state plus one; 0 is empty. Threads insert by
compare-and-swap. While a level is under way, the link of a new state is the least rank (plus one) of the states that
lead to it, whichever thread came first; :attr:`StoreCode.seal` then puts the level into the order in which one thread
alone would have found it, so that everything that follows is the same for any number of threads.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir as ll

from nsmodel.engines.native import context
from nsmodel.engines.native.emit import HASH_A, HASH_B, HASH_C, I32, I64, POINTER, VOID, Code, Value, declare

CHUNK = 64
"""Places in the arena that a thread takes at a time."""
INDEX_BITS = 40
INDEX = (1 << INDEX_BITS) - 1


QUEUE = 32
"""States that a thread keeps waiting while the processor fetches the lines that their insertion will read."""


class StoreCode:
    """`insert(entry, context)`, `queue(words, context)`, `flush(context)`, `rebuild(context, from, to)` and
    `seal(context, frontier, ranks, counts, out, from, to)`. An entry is a state, its hash, and its rank plus one."""

    def __init__(self, module: Any, words: int) -> None:
        self.words = words
        self.module = module
        self.insert = declare(module, "insert", VOID, [POINTER, POINTER])
        self.queue = declare(module, "queue", VOID, [POINTER, POINTER], exported=True)
        self.flush = declare(module, "flush", VOID, [POINTER], exported=True)
        self.rebuild = declare(module, "rebuild", VOID, [POINTER, I64, I64], exported=True)
        seal = [POINTER, POINTER, I64, POINTER, POINTER, I64, I64]
        self.seal = declare(module, "seal", VOID, seal, exported=True)

    def write(self) -> None:
        """Write them."""
        self._write_insert()
        self._write_queue()
        self._write_flush()
        self._write_rebuild()
        self._write_seal()

    # -- pieces -------------------------------------------------------------------------------------------------------

    def place(self, code: Code, arena: Value, index: Value) -> Value:
        """The address of a stored state."""
        return code.byte(arena, code.b.mul(index, I64(8 * self.words)))

    def loaded(self, code: Code, address: Value) -> list[Value]:
        """The words at an address."""
        return [code.load(code.byte(address, 8 * i), I64) for i in range(self.words)]

    def hashed(self, code: Code, words: list[Value]) -> Value:
        """The hash of a state."""
        b = code.b
        h: Value = I64(HASH_C)
        for word in words:
            h = b.mul(b.xor(h, word), I64(HASH_A))
            h = b.xor(h, b.lshr(h, I64(29)))
        for _ in range(2):
            h = b.mul(b.xor(h, b.lshr(h, I64(32))), I64(HASH_B))
        return b.xor(h, b.lshr(h, I64(32)))

    def equal(self, code: Code, left: list[Value], right: list[Value]) -> Value:
        """Whether two states are the same."""
        b = code.b
        differing: Value = I64(0)
        for x, y in zip(left, right, strict=True):
            differing = b.or_(differing, b.xor(x, y))
        return code.same(differing, I64(0))

    def _tag(self, code: Code, value: Value) -> Value:
        return code.b.and_(value, I64(~INDEX & (1 << 64) - 1))

    # -- insert -------------------------------------------------------------------------------------------------------

    def _write_insert(self) -> None:
        code = Code(self.insert)
        b = code.b
        source, ctx = self.insert.args
        words = self.loaded(code, source)
        h = code.load(code.byte(source, 8 * self.words), I64)
        rank = code.fit(code.load(code.byte(source, 8 * self.words + 8), I64), I32)
        tag, mask = self._tag(code, h), context.get(code, ctx, "mask")
        table = context.pointer(code, ctx, "table")
        arena, links = context.pointer(code, ctx, "arena"), context.pointer(code, ctx, "links")
        at, mine = code.variable(b.and_(h, mask)), code.variable(I64(0))
        probe, empty, take, chunk, fill, swap = map(code.block, ["probe", "empty", "take", "chunk", "fill", "swap"])
        full, compare, following = map(code.block, ["full", "compare", "following"])
        new, known, done = map(code.block, ["new", "known", "done"])
        b.branch(probe)

        code.at(probe)
        slot = code.item(table, code.load(at, I64), I64)
        entry = b.load_atomic(slot, "acquire", 8, typ=I64)
        b.cbranch(code.same(entry, I64(0)), empty, full)

        code.at(empty)
        b.cbranch(code.same(code.load(mine, I64), I64(0)), take, swap)

        code.at(take)
        none = code.same(context.get(code, ctx, "own"), context.get(code, ctx, "own_end"))
        b.cbranch(none, chunk, fill)

        code.at(chunk)
        first = b.atomic_rmw("add", context.pointer(code, ctx, "next"), I64(CHUNK), "monotonic")
        context.put(code, ctx, "own", first)
        context.put(code, ctx, "own_end", b.add(first, I64(CHUNK)))
        b.branch(fill)

        code.at(fill)
        own = context.get(code, ctx, "own")
        target = self.place(code, arena, own)
        for i, word in enumerate(words):
            code.store(word, code.byte(target, 8 * i))
        code.store(rank, code.item(links, own, I32))
        code.store(b.add(own, I64(1)), mine)
        b.branch(swap)

        code.at(swap)
        entry_of_mine = b.or_(tag, code.load(mine, I64))
        swapped = b.cmpxchg(slot, I64(0), entry_of_mine, "acq_rel", "acquire")
        b.cbranch(b.extract_value(swapped, 1), new, probe)

        code.at(full)
        b.cbranch(code.same(self._tag(code, entry), tag), compare, following)
        code.at(compare)
        index = b.sub(b.and_(entry, I64(INDEX)), I64(1))
        there = self.loaded(code, self.place(code, arena, index))
        b.cbranch(self.equal(code, there, words), known, following)
        code.at(following)
        code.store(b.and_(b.add(code.load(at, I64), I64(1)), mask), at)
        b.branch(probe)

        code.at(new)
        context.put(code, ctx, "own", b.add(context.get(code, ctx, "own"), I64(1)))
        context.put(code, ctx, "found", b.add(context.get(code, ctx, "found"), I64(1)))
        b.branch(done)

        code.at(known)
        with code.when(code.differs(context.get(code, ctx, "shared"), I64(0))):
            with code.when(code.differs(code.load(mine, I64), I64(0)), rare=True):  # another thread was faster
                place = b.sub(code.load(mine, I64), I64(1))
                code.store(I32(0), code.item(links, place, I32))
            with code.when(b.icmp_unsigned(">=", index, context.get(code, ctx, "level"))):
                link = code.item(links, index, I32)
                earlier = b.icmp_unsigned(">", b.load_atomic(link, "monotonic", 4, typ=I32), rank)
                with code.when(earlier, rare=True):
                    b.atomic_rmw("umin", link, rank, "monotonic")
        b.branch(done)
        code.at(done)
        b.ret_void()
        code.finish()

    @property
    def entry_bytes(self) -> int:
        """Bytes of an entry of the queue."""
        return 8 * (self.words + 2)

    def _entry(self, code: Code, ctx: Value, number: Value) -> Value:
        """The address of an entry of the queue."""
        at = code.b.mul(code.b.and_(number, I64(QUEUE - 1)), I64(self.entry_bytes))
        return code.byte(context.pointer(code, ctx, "queue"), at)

    def _prefetch(self, code: Code, address: Value) -> None:
        function = self.module.globals.get("llvm.prefetch.p0")
        if function is None:
            kind = ll.FunctionType(VOID, [POINTER, I32, I32, I32])
            function = ll.Function(self.module, kind, "llvm.prefetch.p0")
        code.b.call(function, [address, I32(0), I32(3), I32(1)])

    def _write_queue(self) -> None:
        """Put a state at the end of the queue, insert the one at its front when it is full, and have the processor
        fetch what both ends of the wait will read: first the entry of the table, half a queue later the state there."""
        code = Code(self.queue)
        b = code.b
        source, ctx = self.queue.args
        words = self.loaded(code, source)
        number = context.get(code, ctx, "queued")
        entry = self._entry(code, ctx, number)
        with code.when(b.icmp_unsigned(">=", number, I64(QUEUE))):
            b.call(self.insert, [entry, ctx])
        h = self.hashed(code, words)
        for i, word in enumerate([*words, h, context.get(code, ctx, "rank")]):
            code.store(word, code.byte(entry, 8 * i))
        table, mask = context.pointer(code, ctx, "table"), context.get(code, ctx, "mask")
        self._prefetch(code, code.item(table, b.and_(h, mask), I64))
        with code.when(b.icmp_unsigned(">=", number, I64(QUEUE // 2))):
            middle = self._entry(code, ctx, b.sub(number, I64(QUEUE // 2)))
            hash_there = code.load(code.byte(middle, 8 * self.words), I64)
            found = b.load_atomic(code.item(table, b.and_(hash_there, mask), I64), "monotonic", 8, typ=I64)
            with code.when(code.same(self._tag(code, found), self._tag(code, hash_there))):
                index = b.sub(b.and_(found, I64(INDEX)), I64(1))
                self._prefetch(code, self.place(code, context.pointer(code, ctx, "arena"), index))
        context.put(code, ctx, "queued", b.add(number, I64(1)))
        b.ret_void()
        code.finish()

    def _write_flush(self) -> None:
        """Insert every state that waits."""
        code = Code(self.flush)
        b = code.b
        (ctx,) = self.flush.args
        number = context.get(code, ctx, "queued")
        first = b.select(b.icmp_unsigned(">", number, I64(QUEUE)), b.sub(number, I64(QUEUE)), I64(0))
        with code.count(first, number) as i:
            b.call(self.insert, [self._entry(code, ctx, i), ctx])
        context.put(code, ctx, "queued", 0)
        b.ret_void()
        code.finish()

    def _write_rebuild(self) -> None:
        """Enter the states of a part of the arena, which are all different, into an empty or larger table."""
        code = Code(self.rebuild)
        b = code.b
        ctx, start, end = self.rebuild.args
        table, mask = context.pointer(code, ctx, "table"), context.get(code, ctx, "mask")
        arena, links = context.pointer(code, ctx, "arena"), context.pointer(code, ctx, "links")
        with code.count(start, end) as index:
            used = code.differs(code.load(code.item(links, index, I32), I32), I32(0))
            with code.when(used):
                h = self.hashed(code, self.loaded(code, self.place(code, arena, index)))
                at = code.variable(b.and_(h, mask))
                probe, following, enter = code.block("probe"), code.block("following"), code.block("enter")
                b.branch(probe)
                code.at(probe)
                slot = code.item(table, code.load(at, I64), I64)
                b.cbranch(code.same(code.load(slot, I64), I64(0)), enter, following)
                code.at(following)
                code.store(b.and_(b.add(code.load(at, I64), I64(1)), mask), at)
                b.branch(probe)
                code.at(enter)
                code.store(b.or_(self._tag(code, h), b.add(index, I64(1))), slot)
        b.ret_void()
        code.finish()

    # -- seal ---------------------------------------------------------------------------------------------------------

    def _write_seal(self) -> None:
        """Order the states of a level by the rank of the state that led to them first, and then by their words; then
        turn each link into the number of that state plus one. `counts` has room for `ranks` + 2 numbers."""
        code = Code(self.seal)
        b = code.b
        ctx, frontier, ranks, counts, out, start, end = self.seal.args
        arena, links = context.pointer(code, ctx, "arena"), context.pointer(code, ctx, "links")

        def link_of(index: Value) -> Value:
            return code.item(links, index, I32)

        code.zero(counts, b.mul(b.add(ranks, I64(2)), I64(4)))
        with code.count(start, end) as index:
            link = code.load(link_of(index), I32)
            with code.when(code.differs(link, I32(0))):
                code.add_to(code.item(counts, b.add(code.wide(link), I64(1)), I32), I32(1))
        with code.count(I64(1), b.add(ranks, I64(2))) as k:
            before = code.load(code.item(counts, b.sub(k, I64(1)), I32), I32)
            code.add_to(code.item(counts, k, I32), before)
        with code.count(start, end) as index:
            link = code.load(link_of(index), I32)
            with code.when(code.differs(link, I32(0))):
                position = code.item(counts, link, I32)
                target = code.load(position, I32)
                code.store(code.fit(index, I32), code.item(out, target, I32))
                code.store(b.add(target, I32(1)), position)
        total = code.wide(code.load(code.item(counts, ranks, I32), I32))
        self._sort(code, arena, links, out, total)
        with code.count(I64(0), total) as k:
            link = link_of(code.load(code.item(out, k, I32), I32))
            parent = code.load(code.item(frontier, b.sub(code.load(link, I32), I32(1)), I32), I32)
            code.store(b.add(parent, I32(1)), link)
        b.ret_void()
        code.finish()

    def _sort(self, code: Code, arena: Value, links: Value, out: Value, total: Value) -> None:
        """Insertion sort of neighbours with one link, by their words; there are few of them."""
        b = code.b
        with code.count(I64(1), total) as k:
            at = code.variable(k)
            head, inside, compare, swap, done = map(code.block, ["head", "inside", "compare", "swap", "done"])
            b.branch(head)
            code.at(head)
            here = code.load(at, I64)
            b.cbranch(code.same(here, I64(0)), done, inside)
            code.at(inside)
            mine, theirs = code.item(out, here, I32), code.item(out, b.sub(here, I64(1)), I32)
            x, y = code.load(mine, I32), code.load(theirs, I32)
            same = code.same(code.load(code.item(links, x, I32), I32), code.load(code.item(links, y, I32), I32))
            b.cbranch(same, compare, done)
            code.at(compare)
            a, c = (self.loaded(code, self.place(code, arena, code.wide(i))) for i in (x, y))
            less: Value = None
            for left, right in reversed(list(zip(a, c, strict=True))):
                below = b.icmp_unsigned("<", left, right)
                less = below if less is None else b.or_(below, b.and_(code.same(left, right), less))
            b.cbranch(less, swap, done)
            code.at(swap)
            code.store(x, theirs)
            code.store(y, mine)
            code.store(b.sub(here, I64(1)), at)
            b.branch(head)
            code.at(done)
