"""Teacher, student and data: laws, prefixes, what is shared."""

import pytest
import torch

from startright.papers.gauss_newton.task import draw_student, draw_task, stack_tasks


def test_shapes_and_precision():
    task = draw_task(0, points=20, tests=30)
    assert task.x.shape == (20, 10)
    assert task.y.shape == (20,)
    assert task.x_test.shape == (30, 10)
    assert task.y_test.shape == (30,)
    assert task.x.dtype == task.teacher.u.dtype == torch.float64
    assert task.teacher.width == 5


def test_targets_are_the_teachers_without_noise():
    task = draw_task(3, 50, 10)
    z = task.x @ task.teacher.u.T + task.teacher.b
    assert torch.allclose(task.y, (z * z.sigmoid()) @ task.teacher.v / 5, rtol=1e-12)


def test_training_sets_share_their_first_points():
    small, large = draw_task(1, 20, 50), draw_task(1, 200, 50)
    assert torch.equal(small.x, large.x[:20])
    assert torch.equal(small.x_test, large.x_test)


def test_seeds_differ():
    assert not torch.allclose(draw_task(0, 20, 5).teacher.u, draw_task(1, 20, 5).teacher.u)


def test_the_student_starts_at_its_scale_with_nothing_to_say():
    one, tenth = draw_student(0, 2000, 1.0), draw_student(0, 2000, 0.1)
    assert float(one.u.std()) == pytest.approx(1, abs=0.02)
    assert float(one.b.std()) == pytest.approx(1, abs=0.06)
    assert torch.allclose(tenth.u, one.u / 10)
    assert one.v.abs().max() == 0


def test_a_stack_is_its_tasks():
    tasks = [draw_task(seed, 20, 5) for seed in (0, 1)]
    both = stack_tasks(tasks)
    assert torch.equal(both[1].y, tasks[1].y)
    assert torch.equal(both.teacher[0].u, tasks[0].teacher.u)


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="from 1 to 2000"):
        draw_task(0, 2001)
    with pytest.raises(ValueError, match="must be positive"):
        draw_student(0, 10, 0.0)
