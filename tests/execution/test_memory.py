"""What is forgotten, and when."""

from api.execution.memory import LeastRecentlyUsed


class Stone:
    def __init__(self, weight: int) -> None:
        self.weight = weight


def test_the_least_recently_used_is_forgotten_first_by_number() -> None:
    memory: LeastRecentlyUsed[Stone] = LeastRecentlyUsed(2, 100)
    memory.put("a", Stone(1))
    memory.put("b", Stone(1))
    memory.get("a")
    memory.put("c", Stone(1))

    assert [memory.get(key) is not None for key in "abc"] == [True, False, True]


def test_the_least_recently_used_is_forgotten_first_by_weight() -> None:
    memory: LeastRecentlyUsed[Stone] = LeastRecentlyUsed(100, 10)
    memory.put("a", Stone(4))
    memory.put("b", Stone(4))
    memory.put("b", Stone(5))
    memory.put("c", Stone(5))

    assert [memory.get(key) is not None for key in "abc"] == [False, True, True]


def test_what_has_grown_is_weighed_again_and_pushes_out_others_and_then_itself() -> None:
    memory: LeastRecentlyUsed[Stone] = LeastRecentlyUsed(100, 10)
    other, grows = Stone(4), Stone(4)
    memory.put("a", other)
    memory.put("b", grows)
    grows.weight = 8
    memory.weigh_again("b", grows)

    assert [memory.get(key) is not None for key in "ab"] == [False, True]

    grows.weight = 11
    memory.weigh_again("b", grows)
    memory.weigh_again("a", other)  # it was forgotten, and stays so
    memory.put("c", Stone(10))

    assert [memory.get(key) is not None for key in "abc"] == [False, False, True]


def test_what_is_heavier_than_the_memory_is_not_kept() -> None:
    memory: LeastRecentlyUsed[Stone] = LeastRecentlyUsed(100, 10)
    memory.put("a", Stone(11))

    assert len(memory) == 0
