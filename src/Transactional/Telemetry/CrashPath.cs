using System.Globalization;

namespace Messaging.Transactional;

/// <summary>
/// Points to be passed one after the other; it strikes at the last, once. <c>P1</c> is the next P1; <c>C2@3</c> one with at least three
/// messages; <c>D2@2 D4 D4</c> the second D4 after a D2 with at least two.
/// </summary>
internal sealed class CrashPath
{
    private readonly (string Name, int Messages)[] _steps;

    private readonly Action _strike;

    private int _passed;

    public CrashPath(string text, Action strike)
    {
        _strike = strike;
        _steps = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(step => step.Split('@') switch
        {
            [var name] => (name, 1),
            [var name, var messages] => (name, int.Parse(messages, CultureInfo.InvariantCulture)),
            _ => throw new FormatException($"'{step}' of the crash path '{text}' is no step: write a point, or a point@messages."),
        })];
    }

    public bool HasStruck => Volatile.Read(ref _passed) == _steps.Length;

    public void Reach(string name, int messages)
    {
        lock (_steps)
        {
            if (HasStruck || _steps[_passed].Name != name || messages < _steps[_passed].Messages)
            {
                return;
            }

            _passed++;
            if (!HasStruck)
            {
                return;
            }
        }

        _strike();
    }
}
